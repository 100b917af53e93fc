import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Waiting } from './waiting.ts';

const request = (index: number, prompt: readonly number[], cuts?: readonly number[]) => ({
  ...{ index, prompt, maxTokens: 1, temperature: 0, topP: 1, seed: 0, stopIds: [] },
  ...(cuts ? { cuts } : {}),
});
const ids = fc.array(fc.nat(3), { minLength: 1, maxLength: 6 });

it('each request is handed to one worker, whoever asks, until there are none', () => {
  const asked = fc.array(fc.tuple(ids, fc.option(fc.nat(5), { nil: undefined })), { maxLength: 40 });
  fc.assert(
    fc.property(asked, fc.array(fc.nat(1), { maxLength: 200 }), (all, turns) => {
      const requests = all.map(([prompt, cut], i) =>
        request(i, prompt, cut === undefined ? undefined : [cut]),
      );
      const waiting = new Waiting(requests, 2);
      const taken: number[] = [];
      for (const worker of [...turns, ...new Array<number>(60).fill(0)]) {
        const some = waiting.take(worker, 5);
        expect(some.length).toBeLessThanOrEqual(5);
        taken.push(...some.map(({ index }) => index));
      }
      expect(taken.toSorted((a, b) => a - b)).toEqual(requests.map(({ index }) => index));
    }),
  );
});

it('what begins alike goes to one worker, and uncut prompts from the longest on', () => {
  const cut = Array.from({ length: 24 }, (_, i) => request(i, [i % 6, 7, i], [2]));
  const waiting = new Waiting(cut, 2);
  const [first, second] = [waiting.take(0, 24), waiting.take(1, 24)];
  expect(first.length + second.length).toBe(24);
  const begun = (some: typeof first) => new Set(some.map(({ prompt }) => prompt[0]));
  expect([...begun(first)].filter((id) => begun(second).has(id))).toEqual([]);
  expect(begun(first).size).toBe(3);
  const whole = [2, 5, 3, 9].map((length, i) => request(i, new Array<number>(length).fill(0)));
  const lengths = new Waiting(whole, 2).take(1, 3).map(({ prompt }) => prompt.length);
  expect(lengths).toEqual([9, 5, 3]);
});
