import type { Worker } from 'node:worker_threads';
import { afterEach, expect, it, vi } from 'vitest';
import { tinyParameters, tokens } from '../llama/tiny.contract.ts';
import { microBatches } from '../training/sequence.ts';
import { StepTrainer } from '../training/trainer.ts';
import { Pool } from './pool.ts';

const threads: Worker[] = [];
vi.mock('node:worker_threads', async (original) => {
  const real = await original<typeof import('node:worker_threads')>();
  class Seen extends real.Worker {
    constructor(...options: ConstructorParameters<typeof Worker>) {
      super(...options);
      threads.push(this);
    }
  }
  return { ...real, Worker: Seen };
});
afterEach(() => {
  threads.length = 0;
});

it('a thread that ends without a word fails what runs and what comes, and nothing waits for it', async () => {
  const pool = new Pool();
  const parameters = tinyParameters();
  const trainer = new StepTrainer(pool, parameters, {
    learningRate: 1e-3,
    warmupSteps: 0,
    steps: 9,
    betas: [0.9, 0.95],
    weightDecay: 0,
    maxGradNorm: 1,
  });
  const rows = Array.from({ length: 40 }, (_, i) => ({ ids: tokens(60, i), start: 5 }));
  await trainer.sft(rows);
  // Everything is loaded when the thread goes: inside a call of the runtime it must not be ended.
  const request = { index: 0, prompt: [1, 2], maxTokens: 9, temperature: 0, topP: 1, seed: 1, stopIds: [] };
  for await (const sample of pool.sample([request], 64)) expect(sample.tokens).toHaveLength(9);
  const failed: string[] = [];
  const events = { token() {}, done() {}, failed: ({ message }: Error) => failed.push(message) };
  pool.live(64, events);
  await threads[1]?.terminate();
  expect(failed).toEqual([expect.stringContaining('a thread of the engine has ended')]);
  await expect(trainer.sft(rows)).rejects.toThrow('a thread of the engine has ended');
  await expect(pool.sample([], 64).next()).rejects.toThrow('a thread of the engine has ended');
  pool.live(64, events);
  expect(failed).toHaveLength(2);
  await pool.close();
});

it('a micro-batch that fails ends the step, not the pool', async () => {
  const pool = new Pool();
  const parameters = tinyParameters();
  pool.load(parameters);
  const tasks = (bad?: number) =>
    Array.from({ length: 6 }, (_, i) => {
      const [{ micro }] = microBatches([{ ids: tokens(20 + 8 * i, i), start: 5 }], {
        tokens: 64,
        unit: 1,
        padId: 0,
      }) as [ReturnType<typeof microBatches>[number]];
      // No token has this number.
      if (i === bad) micro.ids.fill(99_999n);
      return { kind: 'sft' as const, micro };
    });
  const sum = () => parameters.zeros().flat;
  const expected = sum();
  await pool.gradient(tasks(), expected);
  for (const bad of [0, 1, 5]) await expect(pool.gradient(tasks(bad), sum())).rejects.toThrow();
  const found = sum();
  await pool.gradient(tasks(), found);
  expect(found).toEqual(expected);
  await pool.close();
});

it.each([undefined, 'int8'] as const)(
  'weights that are loaded already are not loaded again, and sampling follows their updates, %s',
  async (quantization) => {
    const pool = new Pool('cpu', quantization);
    const parameters = tinyParameters();
    const options = { learningRate: 0.1, warmupSteps: 0, steps: 99, betas: [0.9, 0.95] as const };
    const trainer = new StepTrainer(pool, parameters, { ...options, weightDecay: 0, maxGradNorm: 1 });
    const told = vi.spyOn(threads[0] as Worker, 'postMessage');
    const sample = async (from: Pool, weights: typeof parameters) => {
      from.load(weights);
      const request = {
        index: 0,
        prompt: tokens(9, 1),
        maxTokens: 12,
        temperature: 0,
        topP: 1,
        seed: 1,
        stopIds: [],
      };
      for await (const { tokens } of from.sample([request], 64)) return tokens;
    };
    const before = await sample(pool, parameters);
    for (let step = 0; step < 5; step++) await trainer.sft([{ ids: tokens(40, 2), start: 5 }]);
    const after = await sample(pool, parameters);
    expect(told.mock.calls.filter(([message]) => message.type === 'model')).toEqual([]);
    const fresh = new Pool('cpu', quantization);
    expect(after).toEqual(await sample(fresh, parameters));
    expect(after).not.toEqual(before);
    await Promise.all([pool.close(), fresh.close()]);
  },
);
