import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ScriptModel } from '../model/script.contract.ts';
import { scripted } from '../model/scripted.ts';
import { PLAYGROUND_PROMPTS } from '../prompts/set.ts';
import { rank } from './rank.ts';
import { rate } from './rate.ts';

/** Prefers the larger of two numbers. */
const larger = () =>
  new ScriptModel(({ text: prompt }) => {
    const [a, b] = [...prompt.matchAll(/s Answer\]\n(\d+)\n/g)].map(([, n]) => Number(n)) as [number, number];
    return a > b ? '[[A]]' : '[[B]]';
  });

test.each(['round-robin', 'knockout'] as const)(
  '%s finds the best, and says how often it compared',
  async (method) => {
    const lists = fc.uniqueArray(fc.nat(99), { minLength: 2, maxLength: 7 });
    await fc.assert(
      fc.asyncProperty(lists, async (numbers) => {
        const ranking = await rank(
          larger(),
          { instruction: 'x', responses: numbers.map(String) },
          { method, form: 'unplanned' },
        );
        const n = numbers.length;
        expect(numbers[ranking.best]).toBe(Math.max(...numbers));
        expect(ranking.comparisons).toHaveLength(method === 'knockout' ? n - 1 : (n * (n - 1)) / 2);
        expect(ranking.usage.asked).toBe(2 * ranking.comparisons.length);
        if (method === 'round-robin') {
          expect(ranking.order.map((index) => numbers[index])).toEqual(numbers.toSorted((a, b) => b - a));
        }
        expect(ranking.order.toSorted()).toEqual(numbers.map((_, index) => index).toSorted());
      }),
      { numRuns: 30 },
    );
  },
);

test('a judge that only sees slots leaves the order as it was given', async () => {
  const ranking = await rank(
    scripted(() => '[[A]]'),
    { instruction: 'x', responses: ['p', 'q', 'r'] },
  );
  expect(ranking).toMatchObject({ best: 0, order: [0, 1, 2], points: [1, 1, 1] });
});

test('one response cannot be ranked', async () => {
  await expect(rank(larger(), { instruction: 'x', responses: ['1'] })).rejects.toMatchObject({
    code: 'usage',
  });
});

test('a rating is the mean of its votes by a plan; outputs without one do not count', async () => {
  const said = ['Fine. [[8]]', 'Good: [[7.5]]', 'Great.', '[[11]]', '<think>[[3]]</think> [[10]]'];
  let i = 0;
  const model = new ScriptModel(({ text: prompt }) =>
    prompt.includes('[The Start') ? (said[i++] as string) : 'Check it.',
  );
  const rating = await rate(model, { id: 'r', instruction: 'x', response: 'y' }, { votes: 5 });
  // Generations come in reverse.
  expect(rating.scores.map(({ score }) => score)).toEqual([10, null, null, 7.5, 8]);
  expect(rating.score).toBeCloseTo((8 + 7.5 + 10) / 3);
  expect(rating).toMatchObject({ id: 'r', usage: { asked: 6 } });
  await expect(
    rate(model, { instruction: 'x', response: 'y' }, { prompts: PLAYGROUND_PROMPTS }),
  ).rejects.toMatchObject({ code: 'usage' });
});
