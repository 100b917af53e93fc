import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunConfig } from '../config.ts';
import { SEED_FOLDER } from '../package.ts';
import { KEY, MadeUpTogether } from '../trainer/together/server.contract.ts';
import { runIn } from './run-in.ts';

let folder: string;
let server: MadeUpTogether;
beforeAll(async () => {
  process.env.TOGETHER_API_KEY = KEY;
  folder = mkdtempSync(join(tmpdir(), 'evalplanner-together-run-'));
  server = await MadeUpTogether.start(join(SEED_FOLDER, 'model'));
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

const training = { name: 'one', learningRate: 5e-4, warmupSteps: 0, epochs: 1, batchSize: 8 };
const config = (second: 'sft' | 'dpo', optimiser = {}): RunConfig => ({
  prompts: 'playground',
  models: { judge: 'playground' },
  trainer: { kind: 'together', model: 'made/Up-1B', baseUrl: server.baseUrl },
  sources: { general: { kind: 'general', from: 'playground' } },
  thoughts: { plans: 2, executions: 2, maxPlanTokens: 48, maxThoughtTokens: 144 },
  optimiser: { maxLength: 256, checkpoints: 1, ...optimiser },
  rounds: [
    { pairs: { general: 12 }, train: [{ kind: 'sft', ...training }] },
    { pairs: { general: 12 }, train: [{ kind: second, ...training, name: 'two' }] },
  ],
  validation: { pairs: { general: 2 } },
  test: { pairs: { general: 2 } },
});

test('what the service cannot do ends a run before its first request', async () => {
  await expect(runIn(join(folder, 'dpo'), config('dpo'))).rejects.toMatchObject({
    message: expect.stringContaining('preferences between messages only'),
  });
  await expect(runIn(join(folder, 'betas'), config('sft', { betas: [0.9, 0.99] }))).rejects.toMatchObject({
    message: expect.stringContaining('optimiser.betas 0.9, 0.99'),
  });
  expect(server.requests).toEqual([]);
});

test('the second round samples the downloaded judge, and trains on from its job', async () => {
  const out = join(folder, 'run');
  const report = await runIn(out, config('sft'));
  expect(report).not.toBeNull();
  expect(server.jobs.map(({ asked }) => asked.from_checkpoint)).toEqual([undefined, 'ft-1']);
  const origin = JSON.parse(readFileSync(join(out, 'checkpoints/one/together.json'), 'utf8'));
  expect(origin).toMatchObject({ job: 'ft-1', final: true });
  // Run again, nothing is asked of the service but whether it is there.
  const asked = server.requests.length;
  await runIn(out, config('sft'));
  expect(server.requests.slice(asked)).toEqual([]);
});
