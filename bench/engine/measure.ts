import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCheckpoint, writeCheckpoint } from '../../src/engine/llama/checkpoint.ts';
import type { LlamaConfig } from '../../src/engine/llama/config.ts';
import { initialise, Parameters } from '../../src/engine/llama/parameters.ts';
import { sequenceRandom } from '../../src/engine/sampling/random.ts';
import { openCheckpoint } from '../../src/model/local/checkpoint.ts';
import { mergeCheckpoint } from '../../src/model/local/copy.ts';
import { rendering } from '../../src/model/local/rendering.ts';
import { random, seedOf } from '../../src/random.ts';
import { samplingFlops, trainingFlops } from './flops.ts';
import { isOurs, type Program, Programs, programOf, type Setup } from './programs.ts';
import { realRows } from './real.ts';
import { playgroundRows, type Rows } from './rows.ts';
import {
  DPO,
  LLAMA_30M,
  LONG,
  LORA,
  QWEN_500M,
  ROUND,
  type Task,
  TRAINING,
  type Who,
  type Workload,
} from './settings.ts';
import type { Memory, Side, Timing } from './side.ts';

type Job = { readonly do: string } & Readonly<Record<string, unknown>>;

/** One side's figures in one task: medians over the rounds. */
export interface Measure {
  readonly task: Task;
  readonly who: Who;
  readonly tokensPerSecond: number;
  readonly gflops: number;
  /** Share of the machine's matrix-product ceiling of the same rounds. */
  readonly ofCeiling: number;
  /** What the side chose for itself while warming up. */
  readonly choice?: string;
  readonly rounds: readonly Timing[];
}

export interface ModelReport {
  readonly model: string;
  readonly parameters: number;
  readonly workload: Workload;
  /** GFLOP/s of a 1024 × 1024 product on all threads, the faster of ONNX Runtime and PyTorch, median over rounds. */
  readonly ceiling: number;
  /** Ours over theirs in tokens/s, median of the rounds' ratios: `sft/pytorch`, …. */
  readonly ratios: Readonly<Record<string, number>>;
  readonly measures: readonly Measure[];
}

export interface MemoryReport {
  readonly model: string;
  readonly task: string;
  readonly who: Who;
  readonly peak: number;
  /** Before the step: the process, its libraries and the model's weights. */
  readonly before: number;
  readonly seconds: number;
}

const TASKS: readonly Task[] = ['sft', 'dpo', 'sampling'];

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
};

/** The models' folders and the rows, in a folder of their own that goes with the run. */
export class Bench {
  readonly #setup: Setup;
  readonly #scratch: string;
  readonly #programs: Programs;

  private constructor(setup: Setup, scratch: string) {
    this.#setup = setup;
    this.#programs = new Programs(setup);
    this.#scratch = scratch;
  }

  static async open(setup: Setup): Promise<Bench> {
    const bench = new Bench(setup, await mkdtemp(join(tmpdir(), 'evalplanner-bench-')));
    const next = random(seedOf('30m'));
    const large = new Parameters(LLAMA_30M);
    initialise(large, next);
    await writeCheckpoint(bench.#dir('30m'), large);
    if (setup.gguf) await mergeCheckpoint(setup.gguf, bench.#dir('real'));
    return bench;
  }

  async close(): Promise<void> {
    // After a failure some are still there, and the process would wait for them.
    this.#programs.kill();
    await rm(this.#scratch, { recursive: true, force: true });
  }

  #dir(model: string): string {
    return model === 'seed' ? join(import.meta.dirname, '../../seed/model') : join(this.#scratch, model);
  }

  /** The sides that there are, opened on the model and its rows. */
  async #opened(side: Side, { model }: Workload): Promise<Side> {
    const rows = join(this.#scratch, `${model}.json`);
    const { gguf } = this.#setup;
    await side.ask({ do: 'open', dir: this.#dir(model), rows, training: TRAINING, gguf });
    return side;
  }

  async #rows(workload: Workload): Promise<Rows> {
    const real = workload.model === 'real';
    const { tokenizer, parameters, files } = await openCheckpoint(this.#dir(real ? 'real' : 'seed'));
    const [eos] = parameters.config.eosTokenIds as [number];
    const rows = real
      ? realRows(rendering(files, tokenizer), tokenizer, eos, workload)
      : playgroundRows(tokenizer, eos, workload);
    await writeFile(join(this.#scratch, `${workload.model}.json`), JSON.stringify(rows));
    return rows;
  }

  async versions(): Promise<Readonly<Record<string, string>>> {
    const found: Record<string, string> = {};
    for (const program of ['ours', 'peers', 'vllm', 'llama.cpp'] as const) {
      const side = this.#programs.start(program);
      Object.assign(found, await side?.ask<Record<string, string>>({ do: 'versions' }));
      await side?.close();
    }
    return found;
  }

  /** Interleaved: in each round every side does every task for ROUND seconds or more, one after the other. Round 0 warms up and
   * is not counted. */
  async speed(workload: Workload): Promise<ModelReport> {
    const { threads, say } = this.#setup;
    const rows = await this.#rows(workload);
    const { config, flat } = await readCheckpoint(this.#dir(workload.model));
    const sides = new Map<Program, Side>();
    const asked = new Set(['ours' as const, ...Object.values(workload.peers).flat()].map(programOf));
    for (const program of asked) {
      const side = this.#programs.start(program);
      if (side) sides.set(program, await this.#opened(side, workload));
    }
    const bfloat16 = await sides.get('peers')?.ask<boolean>({ do: 'bfloat16' });
    const timings = new Map<string, (Timing & { choice?: string })[]>();
    const ceilings: number[] = [];
    for (let round = 0; round <= workload.rounds; round++) {
      say(`${workload.model}: ${round === 0 ? 'warming up' : `round ${round} of ${workload.rounds}`}`);
      const products: number[] = [];
      for (const program of ['ours', 'peers'] as const) {
        const product = await sides.get(program)?.ask<number>({ do: 'product', n: 1024, threads });
        if (product !== undefined) products.push(product);
      }
      if (round > 0) ceilings.push(Math.max(...products));
      for (const task of TASKS) {
        for (const who of ['ours', ...workload.peers[task]] as const) {
          const side = sides.get(programOf(who));
          if (!side || (who === 'ours-int8' && !this.#setup.int8) || (who === 'trl-bf16' && !bfloat16))
            continue;
          const timing = await side.ask<Timing>({ ...job(task, who, workload), atLeast: ROUND });
          say(`  ${task} ${who}: ${(timing.tokens / timing.seconds).toFixed(0)} tokens/s`);
          if (round === 0) continue;
          const key = `${task} ${who}`;
          timings.set(key, [...(timings.get(key) ?? []), timing]);
        }
      }
    }
    for (const side of sides.values()) await side.close();

    const ceiling = median(ceilings);
    const measures = [...timings].map(([key, rounds]): Measure => {
      const [task, who] = key.split(' ') as [Task, Who];
      const gflops = median(
        rounds.map(({ tokens, seconds }) => flops(config, rows, workload, task, tokens) / seconds / 1e9),
      );
      const choice = rounds[0]?.choice;
      return {
        task,
        who,
        tokensPerSecond: median(rounds.map(({ tokens, seconds }) => tokens / seconds)),
        gflops,
        ofCeiling: gflops / ceiling,
        ...(choice ? { choice } : {}),
        rounds: rounds.map(({ tokens, seconds }) => ({ tokens, seconds })),
      };
    });
    const ratios: Record<string, number> = {};
    for (const { task, who, rounds } of measures) {
      if (isOurs(who)) continue;
      for (const own of measures.filter((measure) => measure.task === task && isOurs(measure.who))) {
        ratios[`${task}${own.who === 'ours' ? '' : '-int8'}/${who}`] = median(
          rounds.map(({ tokens, seconds }, i) => {
            const { tokens: ourTokens, seconds: ourSeconds } = own.rounds[i] as Timing;
            return ourTokens / ourSeconds / (tokens / seconds);
          }),
        );
      }
    }
    return { model: workload.model, parameters: flat.length, workload, ceiling, ratios, measures };
  }

  /** Peak memory of a fresh process of each side that takes two optimiser steps, the first of which is the allocators'. */
  async memory(workload: Workload): Promise<MemoryReport[]> {
    await this.#rows(workload);
    const out: MemoryReport[] = [];
    for (const task of TASKS) {
      if (task === 'sampling') continue;
      for (const who of ['ours', ...workload.peers[task]] as const) {
        if (who !== 'ours' && !this.#setup.python) continue;
        this.#setup.say(`${workload.model}: memory of ${who} in ${task}`);
        const once = { ...job(task, who, workload), batches: 1, micro: workload.batchSize };
        if (who !== 'pytorch') delete (once as { micro?: number }).micro;
        out.push(await this.#measured(workload, task, who, [once, once]));
      }
    }
    return out;
  }

  /** One training step on a long sequence in a fresh process. */
  async long(workload: Workload): Promise<MemoryReport[]> {
    await this.#rows(workload);
    const out: MemoryReport[] = [];
    for (const who of ['ours', 'pytorch'] as const) {
      if (who !== 'ours' && !this.#setup.python) continue;
      this.#setup.say(`${workload.model}: one sequence of ${LONG} tokens, ${who}`);
      if (freemem() < 8e9) this.#setup.say('less than 8 GB are free: this may not end well');
      out.push(
        await this.#measured(workload, `sft of one ${LONG}-token sequence`, who, [
          { do: 'long', length: LONG },
        ]),
      );
    }
    return out;
  }

  /** Two steps of LoRA on one row, in a fresh process. */
  async lora(): Promise<MemoryReport[]> {
    const { length, ...lora } = LORA;
    const model = 'qwen2-500m';
    const large = new Parameters(QWEN_500M);
    // Normal numbers are slow to make by the hundred million.
    const next = sequenceRandom(1);
    const noise = Float32Array.from({ length: 1 << 20 }, () => 0.07 * (next() - 0.5));
    for (const { name, shape } of large.shapes) {
      const view = large.get(name);
      if (shape.length === 1) view.fill(name.endsWith('.bias') ? 0 : 1);
      else
        for (let at = 0; at < view.length; at += noise.length)
          view.set(noise.subarray(0, view.length - at), at);
    }
    await writeCheckpoint(this.#dir(model), large);
    const out: MemoryReport[] = [];
    for (const who of ['ours', 'pytorch'] as const) {
      if (who !== 'ours' && !this.#setup.python) continue;
      this.#setup.say(`${model}: LoRA of rank ${lora.rank}, ${who}`);
      const side = this.#programs.start(programOf(who)) as Side;
      await side.ask({ do: 'open', dir: this.#dir(model), training: TRAINING, lora });
      const task = `LoRA, rank ${lora.rank}, of one ${length}-token sequence`;
      const step = { do: 'long', length };
      out.push(await this.#measuredOn(side, model, task, who, [step, step]));
    }
    return out;
  }

  async #measured(workload: Workload, task: string, who: Who, work: readonly Job[]): Promise<MemoryReport> {
    const side = await this.#opened(this.#programs.start(programOf(who)) as Side, workload);
    return this.#measuredOn(side, workload.model, task, who, work);
  }

  async #measuredOn(
    side: Side,
    model: string,
    task: string,
    who: Who,
    work: readonly Job[],
  ): Promise<MemoryReport> {
    const { resident: before } = await side.ask<Memory>({ do: 'memory' });
    let seconds = 0;
    for (const one of work) seconds = (await side.ask<Timing>(one)).seconds;
    const { peak } = await side.ask<Memory>({ do: 'memory' });
    await side.close();
    return { model, task, who, peak, before, seconds };
  }
}

function job(task: Task, who: Who, { batches, prompts, sampling }: Workload) {
  if (task === 'sampling') {
    const own = who === 'ours-int8' ? { quantization: 'int8' } : {};
    return { do: 'sample', prompts, ...sampling, ...own };
  }
  const trl = who.startsWith('trl');
  const dpo = trl ? { beta: DPO.beta, nll_weight: DPO.nllWeight } : DPO;
  const settings = { batches, ...(task === 'dpo' ? dpo : {}) };
  return trl ? { do: 'trl', kind: task, bf16: who === 'trl-bf16', ...settings } : { do: task, ...settings };
}

function flops(config: LlamaConfig, rows: Rows, workload: Workload, task: Task, tokens: number): number {
  if (task === 'sft') return trainingFlops(config, rows.sft.slice(0, workload.batches).flat());
  if (task === 'sampling') {
    return samplingFlops(config, rows.prompts, workload.sampling.samples, tokens);
  }
  const pairs = rows.dpo.slice(0, workload.batches).flat();
  return trainingFlops(
    config,
    pairs.flatMap(({ chosen, rejected }) => [chosen, rejected]),
  );
}
