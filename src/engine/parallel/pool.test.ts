import type { Worker } from 'node:worker_threads';
import { afterEach, expect, it, vi } from 'vitest';
import { tinyParameters, tokens } from '../llama/tiny.contract.ts';
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
  const sampled = (async () => {
    const request = { index: 0, prompt: [1, 2], maxTokens: 9, temperature: 0, topP: 1, seed: 1, stopIds: [] };
    const samples: unknown[] = [];
    for await (const sample of pool.sample([request], 64)) {
      samples.push(sample);
      await threads[1]?.terminate();
    }
    return samples;
  })();
  await expect(sampled.then(() => trainer.sft(rows))).rejects.toThrow('a thread of the engine has ended');
  await expect(trainer.sft(rows)).rejects.toThrow('a thread of the engine has ended');
  await expect(pool.sample([], 64).next()).rejects.toThrow('a thread of the engine has ended');
  const failed: string[] = [];
  pool.live(64, { token() {}, done() {}, failed: ({ message }) => failed.push(message) });
  expect(failed).toHaveLength(1);
  await pool.close();
});
