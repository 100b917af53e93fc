import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { writeCheckpoint } from '../../src/engine/llama/checkpoint.ts';
import { type Report, type RunConfig, readStore, runIn } from '../../src/index.ts';
import { openCheckpoint } from '../../src/model/local/checkpoint.ts';
import { readConfig } from '../../src/open/config.ts';
import { smollm2 } from '../downloads.ts';
import { type RunningVllm, startVllm } from './vllm.ts';

const [python, vllm, ray] = [inject('python'), inject('vllm'), inject('ray')];
const file = python === null || vllm === null ? null : await smollm2(python);
const PAIRS = 4;

/** The first round of the example, on few pairs, with an adapter. */
async function small(model: string, url: string): Promise<RunConfig> {
  const { config } = await readConfig('examples/smollm2/evalplanner.config.yaml');
  return {
    ...config,
    models: { judge: model },
    serve: { kind: 'vllm', url, seeds: false },
    trainer: { kind: 'trl', python: ray as string },
    lora: { rank: 8, alpha: 16, targets: 'all-linear' },
    rounds: [
      {
        pairs: { instructions: PAIRS },
        train: [
          { kind: 'sft', learningRate: 1e-4, warmupSteps: 1, epochs: 1, batchSize: 4, verdictWeight: 100 },
        ],
      },
    ],
    validation: { pairs: { instructions: 2 } },
    test: { pairs: { instructions: 2 } },
    thoughts: { ...config.thoughts, plans: 1, executions: 1, maxPlanTokens: 24, maxThoughtTokens: 64 },
    preferences: { pairing: 'twins', maxPerPair: 1 },
    optimiser: { ...config.optimiser, checkpoints: 1 },
    controls: {},
  };
}

describe.skipIf(file === null || ray === null)('a guided round of SmolLM2 on vLLM, with an adapter', () => {
  let folder: string;
  let server: RunningVllm;
  let report: Report;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evalplanner-stack-'));
    const model = join(folder, 'M0');
    const { parameters, files } = await openCheckpoint(file as string);
    await writeCheckpoint(model, parameters, { extraFiles: files });
    const settings = { log: join(folder, 'vllm.log'), maxLength: 1024, cache: 1, maxLoraRank: 8 };
    server = await startVllm(vllm as string, model, settings);
    console.log(`vLLM answers after ${Math.round(server.took / 1000)} s`);
    report = (await runIn(join(folder, 'run'), await small(model, server.url), {
      onEvent(event) {
        if (event.type === 'stage' && event.stage.status === 'done')
          console.log(`${event.stage.name} ${Math.round(event.stage.seconds)} s`);
      },
    })) as Report;
  }, 1_800_000);
  afterAll(async () => {
    await server?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  it('has guided thoughts, each with a verdict that is a letter', () => {
    using store = readStore(join(folder, 'run', 'run.db'));
    for (const { text } of store.plans({ round: 1 })) expect(text).toMatch(/^A good answer must \S/);
    const thoughts = [...store.thoughts({ round: 1 })];
    expect(thoughts.length).toBeGreaterThan(0);
    for (const { verdict } of thoughts) expect(['A', 'B']).toContain(verdict);
    expect(report.stages.map(({ name }) => name)).toEqual(['M0-guided', 'M0', 'M1-SFT']);
  });

  it('loaded the adapter that TRL trained into the running server', async () => {
    const log = await readFile(join(folder, 'vllm.log'), 'utf8');
    expect(log).toMatch(/Loaded new LoRA adapter: name 'M1-SFT-[0-9a-f]{16}'/);
    expect(server.server.code).toBeNull();
    await server.close();
    expect(server.server.code).not.toBeNull();
  });
});
