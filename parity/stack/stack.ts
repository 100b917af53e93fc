import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PRESETS } from '../../src/cli/demo/presets.ts';
import type { RunConfig } from '../../src/index.ts';
import type { RunOptions } from '../../src/pipeline/stage.ts';
import { RayHead } from '../../src/trainer/ray/head.contract.ts';
import { RayTrainer } from '../../src/trainer/ray/trainer.ts';
import { TrlTrainer } from '../../src/trainer/trl/trainer.ts';
import type { Trainer } from '../../src/trainer.ts';
import { rayFolder } from './environment.ts';
import { type RunningVllm, startVllm } from './vllm.ts';

/** vLLM with the seed model, and a trainer of which TRL does the SFT in a process and Ray the DPO with two workers. */
export interface Stack {
  readonly folder: string;
  readonly model: string;
  readonly vllm: RunningVllm;
  readonly head: RayHead;
  readonly trainer: Trainer;
  /** What says so in a config. */
  readonly config: Pick<RunConfig, 'models' | 'serve' | 'trainer'>;
  /** Who did which training, in their order. */
  readonly trained: readonly string[];
  close(): Promise<void>;
}

const TOKEN = 'RAY_TOKEN_OF_THE_STACK';

/** `vllm` and `ray` are interpreters that have those. All lies below the folder. */
export async function startStack(folder: string, vllm: string, ray: string): Promise<Stack> {
  const model = join(folder, 'M0');
  const shared = join(folder, 'shared');
  await cp('seed/model', model, { recursive: true });
  await mkdir(shared);
  const head = await startedHead(await rayFolder(ray, join(folder, 'bin')));
  const server = await startSeed(folder, model, vllm).catch(async (error: unknown) => {
    await head.close();
    throw error;
  });
  process.env[TOKEN] = head.token;
  const trl = new TrlTrainer({ python: ray });
  const jobs = new RayTrainer({ address: head.address, shared, workers: 2, tokenEnv: TOKEN });
  const trained: string[] = [];
  const trainer: Trainer = {
    kinds: ['sft', 'dpo'],
    train(job, ...of) {
      trained.push(`${job.kind} by ${job.kind === 'sft' ? 'TRL' : 'Ray'}`);
      return (job.kind === 'sft' ? trl : jobs).train(job, ...of);
    },
    ready: async () => [...(await trl.ready()), ...((await jobs.ready?.()) ?? [])],
    async close() {
      await trl.close();
      await jobs.close();
    },
  };
  return {
    folder,
    model,
    vllm: server,
    head,
    trainer,
    trained,
    config: { models: { judge: model }, trainer, serve: served(server.url) },
    async close() {
      await trainer.close();
      await server.close();
      await head.close();
    },
  };
}

export const served = (url: string): RunConfig['serve'] => ({
  kind: 'vllm',
  url,
  seeds: false,
  concurrency: 128,
});

/** vLLM with the seed model, or a copy of it. */
export function startSeed(folder: string, model: string, vllm: string, port?: number): Promise<RunningVllm> {
  return startVllm(vllm, model, {
    log: join(folder, 'vllm.log'),
    maxLength: 256,
    cache: 1,
    maxLoraRank: 16,
    ...(port === undefined ? {} : { port }),
  });
}

/** Ray gives its dashboard half a minute to begin, which a busy machine may not. */
async function startedHead(bin: string, tries = 3): Promise<RayHead> {
  try {
    return await RayHead.start(bin);
  } catch (error) {
    if (tries <= 1) throw error;
    return startedHead(bin, tries - 1);
  }
}

/** Learning rates of adapters: higher than those of all weights. */
const SFT = { learningRate: 3e-3, warmupSteps: 2 };
const DPO = [
  { learningRate: 1.5e-3, warmupSteps: 2 },
  { learningRate: 7.5e-4, warmupSteps: 2 },
];

/** A preset of the demo with adapters in place of whole checkpoints. */
export function withAdapters(preset: RunConfig): RunConfig {
  return {
    ...preset,
    lora: { rank: 16, alpha: 32, targets: 'all-linear' },
    rounds: preset.rounds.map(({ pairs, train }, i) => ({
      pairs,
      train: train.map((how) => (how.kind === 'sft' ? { ...how, ...SFT } : { ...how, ...DPO[i] })),
    })),
    controls: {},
  };
}

const { tiny } = PRESETS;

/** At a size at which it still learns. */
export const SMALL: RunConfig = withAdapters({
  ...tiny,
  seed: 5,
  thoughts: { ...tiny.thoughts, plans: 2, executions: 2 },
  rounds: tiny.rounds.map(({ train }) => ({
    pairs: { general: 40, math: 30 },
    train: train.map((how) => ({
      ...how,
      batchSize: 16,
      ...(how.kind === 'sft' ? { thoughtsPerPair: 4 } : {}),
    })),
  })),
  validation: { pairs: { general: 20, math: 20 } },
  test: { split: 'dev', pairs: { general: 40, math: 40 } },
  optimiser: { ...tiny.optimiser, checkpoints: 1 },
});

/** What has come of a run, a line for each stage. */
export const told: RunOptions['onEvent'] = (event) => {
  const line = (text: string) => console.log(`${new Date().toISOString().slice(11, 19)} ${text}`);
  if (event.type === 'note') line(event.message);
  if (event.type === 'stage' && event.stage.status === 'done')
    line(`${event.stage.name} ${Math.round(event.stage.seconds)} s`);
};
