import { expect, test } from 'vitest';
import { userPrompt } from '../../model.ts';
import { Budget, Purse } from './budget.ts';
import type { Job } from './completion.ts';

const job = (maxTokens: number): Job => ({
  requests: [{ key: 'k', prompt: userPrompt('x'), seed: 0, temperature: 0, topP: 1, maxTokens }],
  completions: [],
});

test('two models spend from one purse, whatever their prices', () => {
  const purse = new Purse(0.01);
  const cheap = new Budget({ purse, prices: { prompt: 0, completion: 1 } });
  const dear = new Budget({ purse, prices: { prompt: 0, completion: 100 } });
  const [first, second] = [job(8000), job(50)];
  expect(cheap.reserve(first)).toBe(true);
  // 0.008 are set aside, and 50 tokens at the other's price are 0.005.
  expect(dear.reserve(second)).toBe(false);
  first.completions.push({ text: '', finishReason: 'stop', promptTokens: 0, completionTokens: 1000 });
  cheap.settle(first);
  expect(purse.spent).toBeCloseTo(0.001, 12);
  expect(dear.reserve(second)).toBe(true);
  expect(purse.spent).toBeCloseTo(0.006, 12);
});
