import fc from 'fast-check';
import { expect, it } from 'vitest';
import { halfBits, halfTable } from './widen.ts';

const theirs = (value: number) => new Uint16Array(Float16Array.of(value).buffer)[0];

it('a half is that of Float16Array', () => {
  for (const [bits, value] of halfTable().entries()) {
    if (Number.isNaN(value)) continue;
    expect(halfBits(value)).toBe(bits);
    // Half way to the next one, and a float32 beside that.
    const next = halfTable()[bits + 1] ?? value;
    const middle = Math.fround((value + next) / 2);
    for (const near of [middle, middle * (1 + 2 ** -23), middle * (1 - 2 ** -23)])
      if (Number.isFinite(near)) expect(halfBits(near), String(near)).toBe(theirs(Math.fround(near)));
  }
  fc.assert(fc.property(fc.float({ noNaN: true }), (value) => halfBits(value) === theirs(value)));
  expect(halfTable()[halfBits(Number.NaN)]).toBeNaN();
});
