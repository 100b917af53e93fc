import { mkdtempSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { PRESETS } from '../cli/demo/presets.ts';
import { type RunConfig, resolveConfig } from '../config.ts';
import { identify } from '../model/local/identity.ts';
import { checkpoints, type MadeUpServer, madeUpServer } from '../model/served/made-up.contract.ts';
import { answer } from '../pipeline/made-up-run.contract.ts';
import { readStore } from '../store/ledger.ts';
import type { Trainer } from '../trainer.ts';
import { runIn } from './run-in.ts';

let folder: string;
let server: MadeUpServer;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'evalplanner-serve-'));
});
afterEach(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Spoken {
  readonly model: string;
  readonly prompt: string;
}

async function made() {
  const world = await checkpoints(folder);
  const spoken: Spoken[] = [];
  server = await madeUpServer(world.base, undefined, (model, body) => {
    const { prompt, seed, temperature } = body as { prompt: string; seed: number; temperature: number };
    spoken.push({ model, prompt });
    return answer({ text: prompt, seed, temperature }, 0.7);
  });
  const started: string[] = [];
  let made = 0;
  const trainer: Trainer = {
    kinds: ['sft', 'dpo'],
    async train({ out, model }, onStep) {
      started.push(model);
      const step = { step: 1, steps: 1, loss: 1, learningRate: 1, gradNorm: 1, tokens: 1, seconds: 1 };
      onStep?.(step);
      await mkdir(out, { recursive: true });
      const places = [1, 2].map((step) => join(out, `step-${step}`));
      for (const place of places) await world.adapter(join('..', place.slice(folder.length)), ++made);
      return { checkpoints: places, steps: [step], dropped: 0 };
    },
    async close() {},
  };
  const { rounds, pairs, ...tiny } = PRESETS.tiny;
  const sizes = { general: 3, math: 2 };
  const config: RunConfig = {
    ...tiny,
    models: { judge: world.base },
    pairs: { ...pairs, solutions: 4 },
    rounds: rounds.map(({ train }) => ({ pairs: sizes, train })),
    validation: { pairs: sizes },
    test: { split: 'dev', pairs: sizes },
    controls: {},
    lora: { rank: 1, alpha: 1, targets: ['q_proj'] },
    serve: { kind: 'vllm', url: server.url },
    trainer,
  };
  return { config, out: join(folder, 'run'), world, spoken, started };
}

test('every judge of a run is sampled under the name of its own weights, and no other', async () => {
  const { config, out, spoken, started } = await made();
  await runIn(out, config);
  const names = [...new Set(spoken.map(({ model }) => model))];
  const place = (judge: string) => join(out, 'checkpoints', judge);
  const steps = (judge: string) =>
    [1, 2].map((step) => join(out, 'checkpoints/steps', judge, `step-${step}`));
  const expected = ['m0'];
  for (const judge of ['M1-SFT', 'M1-DPO', 'M2-DPO'])
    for (const path of steps(judge)) expected.push(`${judge}-${(await identify(path)).weights}`);
  expect(names).toEqual(expect.arrayContaining(expected));
  // The thoughts of the second round are M1-DPO's.
  const kept = (await identify(place('M1-DPO'))).weights;
  using store = readStore(join(out, 'run.db'));
  const second = new Set([...store.pairs({ split: 'd2' })].map(({ instruction }) => instruction));
  const asked = spoken.filter(
    ({ prompt }) => prompt.includes('<judge>') && [...second].some((one) => prompt.includes(one)),
  );
  expect(new Set(asked.map(({ model }) => model.replace(/.*-/, '')))).toEqual(new Set([kept]));
  expect(started[0]).toBe(config.models.judge);
  // Nothing of it stays in the server, and a finished run asks it nothing.
  expect(server.models.map(({ id }) => id)).toEqual(['m0']);
  const calls = server.calls.length;
  await runIn(out, config);
  expect(server.calls).toHaveLength(calls);
});

test('a server of another model is refused before anything is asked of it', async () => {
  const { config, out, spoken } = await made();
  server.models.splice(0, 1, { id: 'other', root: '/models/other', parent: null });
  await expect(runIn(out, config)).rejects.toMatchObject({
    code: 'model',
    message: expect.stringContaining('serves other (/models/other), not'),
  });
  expect(spoken).toEqual([]);
});

test('a run goes on where another engine began it: what a run is does not depend on who samples', async () => {
  const { config, out } = await made();
  await runIn(out, { ...config, serve: 'embedded' }, { until: 'pairs d1' });
  expect(await runIn(out, config, { until: 'judge M0' })).toBeNull();
  using store = readStore(join(out, 'run.db'));
  expect(store.stage('judge M0')?.status).toBe('done');
});

test.each([
  [{ kind: 'vllm', url: 'http://127.0.0.1:1/v1' }, undefined, /lora/],
  [
    { kind: 'restart', command: ['serve', '{model}'] },
    { rank: 1, alpha: 1, targets: 'all-linear' },
    /lora\.merge/,
  ],
  [
    { kind: 'transformers', url: 'http://127.0.0.1:1/v1' },
    { rank: 1, alpha: 1, targets: 'all-linear' },
    /lora\.merge/,
  ],
  [{ kind: 'restart', command: ['serve'] }, undefined, /\{model\}/],
  [{ kind: 'vllm', url: 'http://user:secret@host/v1' }, undefined, /user or password/],
] as const)('%o does not go with lora %o', (serve, lora, message) => {
  const config = { ...PRESETS.tiny, serve, ...(lora ? { lora } : {}) } as unknown as RunConfig;
  expect(() => resolveConfig(config)).toThrow(message);
});
