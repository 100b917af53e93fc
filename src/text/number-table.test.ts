import fc from 'fast-check';
import { expect, it } from 'vitest';
import { NumberTable } from './number-table.ts';

it('holds what a map of lists holds', () => {
  const entry = fc.tuple(fc.oneof(fc.nat(20), fc.maxSafeNat()), fc.nat());
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 3000, size: 'max' }), (entries) => {
      const table = new NumberTable();
      const map = new Map<number, number[]>();
      for (const [key, value] of entries) {
        table.add(key, value);
        map.set(key, [...(map.get(key) ?? []), value]);
      }
      for (const [key, values] of map) expect([...table.get(key)].sort()).toEqual(values.sort());
      expect([...table.get(2 ** 52 + 1)]).toEqual(map.get(2 ** 52 + 1) ?? []);
    }),
    { numRuns: 20 },
  );
});
