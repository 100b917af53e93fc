import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalJson, differences, type Json, key } from './key.ts';

test('a key is the start of the sha256 of the sorted JSON of its parts', () => {
  const expected = createHash('sha256')
    .update('{"a":[1,"x"],"b":{"c":null,"d":true}}')
    .digest('hex')
    .slice(0, 32);
  expect(key({ b: { d: true, c: null }, a: [1, 'x'] })).toBe(expected);
});

test('the order of parts does not matter, their names and types do', () => {
  expect(key({ a: 1, b: 2 })).toBe(key({ b: 2, a: 1 }));
  expect(key({ a: 1, b: undefined })).toBe(key({ a: 1 }));
  expect(key({ a: 1 })).not.toBe(key({ a: '1' }));
  expect(key({ a: [1, 2] })).not.toBe(key({ a: [2, 1] }));
  expect(key({ a: 'x', b: 'y' })).not.toBe(key({ a: 'x","b":"y' }));
});

test('what JSON cannot tell apart is refused', () => {
  expect(() => key({ a: Number.NaN })).toThrow('NaN cannot be part of a key');
  expect(() => key({ a: Number.POSITIVE_INFINITY })).toThrow('Infinity');
});

test('canonical JSON reads back as the same value', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const plain = JSON.parse(JSON.stringify(value)) as Json;
      expect(JSON.parse(canonicalJson(plain))).toEqual(plain);
      expect(differences(plain, plain)).toEqual([]);
    }),
  );
});

test('differences are named by path, part by part', () => {
  const found = differences(
    { a: 1, b: { c: 2, d: [1, 2] }, e: 3 },
    { a: 1, b: { c: 4, d: [2, 1] }, f: null },
  );
  expect(found.map(({ path }) => path)).toEqual(['b.c', 'b.d', 'e', 'f']);
  const rounds = (...sizes: number[]) => ({ rounds: sizes.map((size) => ({ pairs: { own: size } })) });
  expect(differences(rounds(1, 2), rounds(1, 3, 4)).map(({ path }) => path)).toEqual([
    'rounds.1.pairs.own',
    'rounds.2',
  ]);
  expect(differences(1, 2)).toEqual([{ path: '', a: 1, b: 2 }]);
});
