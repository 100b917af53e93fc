import { readFileSync } from 'node:fs';
import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { Graph } from '../../src/engine/graph.ts';
import { readCheckpoint } from '../../src/engine/llama/checkpoint.ts';
import type { Parameters } from '../../src/engine/llama/parameters.ts';
import { Adapter, allLinear, initialiseAdapter } from '../../src/engine/lora/adapter.ts';
import { Pool } from '../../src/engine/parallel/pool.ts';
import { sequenceRandom } from '../../src/engine/sampling/random.ts';
import { loadGraph } from '../../src/engine/session.ts';
import type { Sequence } from '../../src/engine/training/sequence.ts';
import { StepTrainer } from '../../src/engine/training/trainer.ts';
import { serveJobs } from './jobs.ts';
import type { Rows } from './rows.ts';
import type { SamplingSettings, TrainingSettings } from './settings.ts';
import type { Memory, Timing } from './side.ts';

/** Our side: the embedded engine, driven as src/trainer and src/model drive it. Same protocol as peers.py. */

let pool: Pool | null = null;
/** Opened when it is first asked for. */
let int8: Pool | null = null;
let parameters: Parameters;
let rows: Rows;
let trainer: StepTrainer;

/** Passes one after the other until so many seconds are over: their mean. */
async function repeated(seconds: number, work: () => Promise<number>): Promise<Timing> {
  const passes: Timing[] = [];
  const total = (of: keyof Timing) => passes.reduce((sum, pass) => sum + pass[of], 0);
  do passes.push(await timed(work));
  while (total('seconds') < seconds);
  return { tokens: total('tokens') / passes.length, seconds: total('seconds') / passes.length };
}

async function timed(work: () => Promise<number>): Promise<Timing> {
  const start = performance.now();
  const tokens = await work();
  return { tokens, seconds: (performance.now() - start) / 1000 };
}

/** GFLOP/s of a product of two n × n matrices. */
async function product(n: number, threads: number): Promise<number> {
  const graph = new Graph();
  const a = graph.input('a', [n, n]);
  graph.output('c', graph.node('MatMul', [a, graph.input('b', [n, n])], [n, n]));
  const session: InferenceSession = await loadGraph(graph.encode(), threads);
  const matrix = () => new Tensor('float32', new Float32Array(n * n).fill(0.5), [n, n]);
  const feeds = { a: matrix(), b: matrix() };
  const runs: number[] = [];
  for (let i = 0; i < 12; i++) {
    const { seconds } = await timed(async () => {
      await session.run(feeds);
      return 0;
    });
    if (i >= 2) runs.push(seconds);
  }
  await session.release();
  return (2 * n ** 3) / Math.min(...runs) / 1e9;
}

interface Opening {
  readonly dir: string;
  readonly rows?: string;
  readonly training: TrainingSettings;
  /** Trained in place of the weights. */
  readonly lora?: { readonly rank: number; readonly alpha: number };
}

interface Dpo {
  readonly batches: number;
  readonly beta: number;
  readonly nllWeight: number;
  readonly atLeast?: number;
}

const jobs = {
  async open(job: Opening): Promise<null> {
    await pool?.close();
    await int8?.close();
    int8 = null;
    pool = new Pool();
    parameters = await readCheckpoint(job.dir);
    if (job.rows) rows = JSON.parse(readFileSync(job.rows, 'utf8')) as Rows;
    const adapter =
      job.lora && new Adapter(parameters.config, { ...job.lora, targets: allLinear(parameters.config) });
    if (adapter) initialiseAdapter(adapter, sequenceRandom(1));
    const options = { ...job.training, warmupSteps: 0, steps: 1_000_000 };
    trainer = new StepTrainer(pool, parameters, options, { adapter });
    return null;
  },
  sft: ({ batches, atLeast = 0 }: { batches: number; atLeast?: number }) =>
    repeated(atLeast, async () => {
      let tokens = 0;
      for (const batch of rows.sft.slice(0, batches)) tokens += (await trainer.sft(batch)).tokens;
      return tokens;
    }),
  dpo: ({ batches, beta, nllWeight, atLeast = 0 }: Dpo) =>
    repeated(atLeast, async () => {
      let tokens = 0;
      for (const batch of rows.dpo.slice(0, batches)) {
        const pairs = batch.map((pair) => ({ ...pair, referenceMargin: 0 }));
        tokens += (await trainer.dpo(pairs, beta, nllWeight)).tokens;
      }
      return tokens;
    }),
  /** One step on one sequence of so many tokens. */
  long: ({ length }: { length: number }) =>
    timed(async () => {
      const ids = Array.from({ length }, (_, i) => 3 + (i % 500));
      return (await trainer.sft([{ ids, start: 1 } satisfies Sequence])).tokens;
    }),
  async sample({
    prompts,
    samples,
    maxTokens,
    temperature,
    topP,
    atLeast,
    ends,
    quantization,
  }: SamplingSettings & {
    readonly prompts: number;
    readonly atLeast: number;
    readonly quantization?: 'int8';
  }) {
    if (quantization && int8 === null) int8 = new Pool('cpu', quantization);
    const own = (quantization ? int8 : pool) as Pool;
    // Free, where it has them.
    own.load(parameters);
    return repeated(atLeast, async () => {
      const requests = rows.prompts.slice(0, prompts).flatMap((prompt, p) =>
        Array.from({ length: samples }, (_, i) => {
          const index = p * samples + i;
          return {
            index,
            prompt,
            maxTokens: ends === 'length' ? (rows.lengths[p]?.[i] as number) : maxTokens,
            temperature,
            topP,
            seed: index,
            stopIds: ends === 'count' ? [] : parameters.config.eosTokenIds,
          };
        }),
      );
      const capacity = Math.max(...requests.map(({ prompt, maxTokens }) => prompt.length + maxTokens));
      let tokens = 0;
      for await (const sample of own.sample(requests, capacity)) tokens += sample.tokens.length;
      return tokens;
    });
  },
  product: ({ n, threads }: { n: number; threads: number }) => product(n, threads),
  async memory(): Promise<Memory> {
    return { peak: process.resourceUsage().maxRSS * 1024, resident: process.memoryUsage.rss() };
  },
  async versions(): Promise<Record<string, string>> {
    const read = (path: string) => JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')).version;
    return {
      evalplanner: read('../../package.json'),
      node: process.versions.node,
      'onnxruntime-node': read('../../node_modules/onnxruntime-node/package.json'),
    };
  },
};

await serveJobs(jobs);
await (pool as Pool | null)?.close();
await (int8 as Pool | null)?.close();
