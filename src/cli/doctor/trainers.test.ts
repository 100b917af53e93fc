import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { EvalPlannerError } from '../../errors.ts';
import type { Trainer } from '../../trainer.ts';
import { fasterTrl } from '../trainer-speeds.ts';
import { timeTrainers } from './trainers.ts';

/** Its first steps are slow, as those of every trainer. */
function trainer(seconds: number, seen: { rows?: string; closed?: boolean } = {}): Trainer {
  return {
    kinds: ['sft'],
    async train({ rows, optimisation }, onStep) {
      seen.rows = readFileSync(rows, 'utf8');
      const steps = seen.rows.trim().split('\n').length / optimisation.batchSize;
      for (let step = 1; step <= steps; step++) {
        const took = step <= 2 ? 100 : seconds;
        onStep?.({ step, steps, loss: 1, learningRate: 1, gradNorm: 1, tokens: 9, seconds: took });
      }
      return { checkpoints: [], steps: [], dropped: 0 };
    },
    async close() {
      seen.closed = true;
    },
  };
}

test('each trainer is timed on the same rows, without its first steps; one without its packages is left out', async () => {
  const [a, b] = [{}, {}] as { rows?: string; closed?: boolean }[];
  const missing = trainer(1);
  missing.ready = async () => {
    throw new EvalPlannerError('usage', 'trl is not installed', 'install it');
  };
  const ways = {
    embedded: async () => trainer(3, a),
    'TRL in float32': async () => trainer(2, b),
    'TRL in bfloat16': async () => missing,
  };
  const seconds = await timeTrainers(ways, { model: 'm' });
  expect(seconds).toEqual({ embedded: 3, 'TRL in float32': 2 });
  expect(a?.rows).toBe(b?.rows);
  expect([a?.closed, b?.closed]).toEqual([true, true]);
});

test('a trainer that fails is told, and what was opened is closed', async () => {
  const seen: { closed?: boolean } = {};
  const failing: Trainer = { ...trainer(1, seen), train: () => Promise.reject(new Error('no memory')) };
  await expect(timeTrainers({ embedded: async () => failing }, { model: 'm' })).rejects.toThrow('no memory');
  expect(seen.closed).toBe(true);
});

test.each([
  [
    { embedded: 3, 'TRL in float32': 2, 'TRL in bfloat16': 1 },
    { precision: 'bfloat16', times: 3 },
  ],
  [
    { embedded: 3, 'TRL in float32': 1.5, 'TRL in bfloat16': 6 },
    { precision: 'float32', times: 2 },
  ],
  [{ embedded: 1, 'TRL in float32': 0.9, 'TRL in bfloat16': 5 }, null],
  [{ embedded: 1 }, null],
  [{ 'TRL in float32': 1 }, null],
])('%o: %o is proposed', (seconds, proposed) => {
  expect(fasterTrl({ model: 'm', seconds: seconds as Record<string, number> })).toEqual(proposed);
});
