import { expect, test } from 'vitest';
import { withOthers } from './others.ts';

const instructions = Array.from({ length: 40 }, (_, i) => ({
  text: `${i % 2 === 0 ? 'write a poem about' : 'count from one to'} number ${i >> 1}`,
  family: 'x',
}));

test('every one has another, never itself; drawn with the seed', () => {
  const found = withOthers(instructions, { other: 1 }, 1);
  expect(found.map(({ text }) => text)).toEqual(instructions.map(({ text }) => text));
  for (const { text, other } of found) {
    expect(other?.text).not.toBe(text);
    expect(instructions.some((one) => one.text === other?.text)).toBe(true);
  }
  expect(new Set(found.map(({ other }) => other?.text)).size).toBeGreaterThan(15);
  expect(withOthers(instructions, { other: 1 }, 1)).toEqual(found);
  expect(withOthers(instructions, { other: 1 }, 2)).not.toEqual(found);
});

test('the nearest shares its words', () => {
  for (const { text, other } of withOthers(instructions, { nearest: 1 }, 1))
    expect(other?.text.slice(0, 5) === text.slice(0, 5) || other?.text.slice(-2) === text.slice(-2)).toBe(
      true,
    );
});

test('shares are kept, the easy ones first', () => {
  const found = withOthers(instructions, { modified: 0.5, other: 0.25, nearest: 0.25 }, 1);
  expect(found.map(({ other }) => other !== undefined)).toEqual([
    ...Array(20).fill(true),
    ...Array(20).fill(false),
  ]);
});

test('one alone has no other', () => {
  expect(withOthers(instructions.slice(0, 1), { other: 1 }, 1)).toEqual(instructions.slice(0, 1));
  expect(withOthers([], { nearest: 1 }, 1)).toEqual([]);
});
