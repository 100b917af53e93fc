import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Beginnings } from './beginnings.ts';

const sized = (floats: number) => ({ length: floats, layers: [new Float32Array(floats)] });

it('holds no more than it may, and of what it may hold what was wanted last', () => {
  const act = fc.record({ key: fc.nat(9), floats: fc.integer({ min: 1, max: 12 }), read: fc.boolean() });
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const bound = 4 * 20;
      const beginnings = new Beginnings(bound);
      // By the definition: from the one wanted last, as many as there is room for.
      let model: { key: string; floats: number }[] = [];
      for (const { key: number, floats, read } of acts) {
        const key = `${number}`;
        const known = model.find((one) => one.key === key);
        if (read) {
          expect(beginnings.get(key)?.length).toBe(known?.floats);
          if (known) model = [known, ...model.filter((one) => one !== known)];
        } else {
          beginnings.keep(key, sized(floats));
          if (!known) model.unshift({ key, floats });
          while (model.reduce((sum, one) => sum + 4 * one.floats, 0) > bound) model.pop();
        }
        expect(beginnings.bytes).toBe(model.reduce((sum, one) => sum + 4 * one.floats, 0));
        for (let i = 0; i < 10; i++) expect(beginnings.has(`${i}`)).toBe(model.some((m) => m.key === `${i}`));
      }
      beginnings.clear();
      expect(beginnings.bytes).toBe(0);
    }),
  );
});

it('what is larger than all of its room drives nothing out', () => {
  const beginnings = new Beginnings(40);
  beginnings.keep('small', sized(10));
  beginnings.keep('large', sized(11));
  expect([beginnings.has('small'), beginnings.has('large'), beginnings.bytes]).toEqual([true, false, 40]);
});
