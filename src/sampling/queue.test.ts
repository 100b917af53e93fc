import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Queue } from './queue.ts';

test('what comes first goes first, however pushes and shifts alternate', () => {
  const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 3000 }), fc.integer({ min: 0, max: 3000 })), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(steps, (all) => {
      const queue = new Queue<number>();
      let [pushed, shifted] = [0, 0];
      for (const [pushes, shifts] of all) {
        for (let i = 0; i < pushes; i++) queue.push(pushed++);
        for (let i = 0; i < shifts; i++) {
          const expected = shifted < pushed ? shifted++ : undefined;
          if (queue.shift() !== expected) throw new Error(`not ${expected}`);
        }
        expect(queue.length).toBe(pushed - shifted);
      }
    }),
    { numRuns: 30 },
  );
});
