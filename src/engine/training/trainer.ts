import { DivergenceError } from '../errors.ts';
import type { LlamaConfig } from '../llama/config.ts';
import { type BaseParameters, HalfParameters, type Parameters } from '../llama/parameters.ts';
import type { Adapter } from '../lora/adapter.ts';
import { type Pool, WORKERS } from '../parallel/pool.ts';
import type { GradientResult } from '../parallel/protocol.ts';
import type { FlatTensors } from '../tensors.ts';
import { AdamW, clipScale, type Stretch } from './adamw.ts';
import { addLogProbabilities } from './log-probabilities.ts';
import { learningRate } from './schedule.ts';
import { type AnySequence, eachMicroBatch, type LaidOut, microBatches, type Sequence } from './sequence.ts';

export interface OptimiserOptions {
  readonly learningRate: number;
  readonly learningRateFloor?: number;
  readonly warmupSteps: number;
  readonly steps: number;
  readonly betas: readonly [number, number];
  readonly weightDecay: number;
  readonly maxGradNorm: number;
}

/** A chosen and a rejected completion of one prompt, with the reference model's log-probability of each. */
export interface Preference<Ids extends ArrayLike<number> = readonly number[]> {
  readonly chosen: Sequence<Ids>;
  readonly rejected: Sequence<Ids>;
  readonly referenceMargin: number;
}

export interface StepResult {
  readonly loss: number;
  readonly gradNorm: number;
  readonly learningRate: number;
  /** Tokens of the sequences, prompts included, padding left out. */
  readonly tokens: number;
}

export interface PreferenceResult extends StepResult {
  /** Share of pairs whose margin over the reference is positive. */
  readonly accuracy: number;
  /** Mean of β (m − m_ref). */
  readonly margin: number;
  /** Mean log-probability of the chosen and of the rejected completions. */
  readonly chosenLogp: number;
  readonly rejectedLogp: number;
}

/** Tokens of one micro-batch: enough to fill a core, small enough for its activations to stay near the cache. */
const MICRO_TOKENS = 1024;

const tokensOf = (sequences: readonly AnySequence[]) =>
  sequences.reduce((sum, { ids }) => sum + ids.length, 0);

export interface StepTrainerOptions {
  /** Trained in place of the weights. */
  readonly adapter?: Adapter | undefined;
  /** Runs each update of weights and moments, which stand still otherwise: when is for it to choose. */
  readonly around?: (update: () => Promise<void>) => Promise<void>;
}

/** Takes optimiser steps on one model, or on an adapter of it. */
export class StepTrainer {
  readonly #pool: Pool;
  readonly #parameters: BaseParameters;
  readonly #options: OptimiserOptions;
  readonly #around: NonNullable<StepTrainerOptions['around']>;
  readonly #trained: FlatTensors;
  /** What of it each worker updates. */
  readonly #parts: readonly (readonly Stretch[])[];
  readonly adamw: AdamW;
  readonly #gradient: Float32Array<SharedArrayBuffer>;

  constructor(
    pool: Pool,
    parameters: BaseParameters,
    options: OptimiserOptions,
    { adapter, around = (update) => update() }: StepTrainerOptions = {},
  ) {
    pool.load(parameters, { adapter });
    this.#pool = pool;
    this.#parameters = parameters;
    this.#options = options;
    this.#around = around;
    if (!adapter && parameters instanceof HalfParameters) throw new Error('these weights stay as they are');
    this.#trained = adapter ?? (parameters as Parameters);
    this.adamw = new AdamW(this.#trained, options);
    this.#gradient = this.#trained.zeros().flat;
    this.#parts = this.adamw.parts(WORKERS);
  }

  /** One step of token-masked SFT: the loss is the weighted mean over the completion tokens of the batch. Aborted before its
   * update, a step changes nothing. */
  async sft(sequences: readonly AnySequence[], signal?: AbortSignal): Promise<StepResult> {
    const micros = microBatches(sequences, this.#layout(1));
    const total = micros.reduce((sum, { micro }) => sum + micro.weights.reduce((a, b) => a + b, 0), 0);
    for (const { micro } of micros)
      for (let r = 0; r < micro.targets; r++) micro.weights[r] = (micro.weights[r] as number) / total;
    const tasks = micros.map(({ micro }) => ({ kind: 'sft' as const, micro }));
    const results = await this.#pool.gradient(tasks, this.#gradient, signal);
    return await this.#update(
      results.reduce((sum, { loss }) => sum + loss, 0),
      tokensOf(sequences),
    );
  }

  /** One step of DPO; the loss is the mean over pairs, plus nllWeight times the mean over all chosen tokens. */
  async dpo(
    pairs: readonly Preference<ArrayLike<number>>[],
    beta: number,
    nllWeight: number,
    signal?: AbortSignal,
  ): Promise<PreferenceResult> {
    const chosenTokens = pairs.reduce((sum, { chosen }) => sum + chosen.ids.length - chosen.start, 0);
    const weighted = (sequence: AnySequence, weight: number): AnySequence => {
      return { ...sequence, weights: new Array(sequence.ids.length - sequence.start).fill(weight) };
    };
    const sequences = pairs.flatMap(({ chosen, rejected }) => [
      weighted(chosen, nllWeight / chosenTokens),
      weighted(rejected, 0),
    ]);
    const micros = microBatches(sequences, this.#layout(2));
    const tasks = micros.map(({ micro, indices }) => {
      const count = micro.sequences / 2;
      const reference = Float32Array.from({ length: count }, (_, p) => {
        return (pairs[(indices[2 * p] as number) / 2] as Preference<ArrayLike<number>>).referenceMargin;
      });
      const pairWeights = new Float32Array(count).fill(1 / pairs.length);
      return { kind: 'dpo' as const, micro, beta, reference, pairWeights };
    });
    const results = await this.#pool.gradient(tasks, this.#gradient, signal);

    const logps = new Float64Array(sequences.length);
    for (const [t, { micro, indices }] of micros.entries())
      addLogProbabilities(micro, indices, (results[t] as GradientResult).logp, logps);
    const margins = pairs.map(
      (pair, p) => (logps[2 * p] as number) - (logps[2 * p + 1] as number) - pair.referenceMargin,
    );
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    return {
      ...(await this.#update(
        results.reduce((sum, { loss }) => sum + loss, 0),
        tokensOf(sequences),
      )),
      accuracy: mean(margins.map((margin) => Number(margin > 0))),
      margin: beta * mean(margins),
      chosenLogp: mean(pairs.map((_, p) => logps[2 * p] as number)),
      rejectedLogp: mean(pairs.map((_, p) => logps[2 * p + 1] as number)),
    };
  }

  #layout(unit: 1 | 2) {
    const { padTokenId } = this.#parameters.config;
    return { tokens: MICRO_TOKENS, unit, padId: padTokenId, parts: this.#pool.parallel };
  }

  async #update(loss: number, tokens: number): Promise<StepResult> {
    const { steps, warmupSteps, maxGradNorm, learningRateFloor = 0 } = this.#options;
    const schedule = { peak: this.#options.learningRate, warmupSteps, steps, floor: learningRateFloor };
    const rate = learningRate(schedule, this.adamw.updates);
    const gradNorm = Math.sqrt(await this.#pool.sumOfSquares(this.#gradient, this.#parts));
    if (!Number.isFinite(loss) || !Number.isFinite(gradNorm))
      throw new DivergenceError(this.adamw.updates + 1, loss, gradNorm);
    const { m, v } = this.adamw;
    const arrays = { theta: this.#trained.flat, gradient: this.#gradient, m, v };
    await this.#around(() =>
      this.#pool.update(arrays, this.#parts, this.adamw.next(rate, clipScale(gradNorm, maxGradNorm))),
    );
    return { loss, gradNorm, learningRate: rate, tokens };
  }
}

/** Log-probabilities that were computed before, by slice: those of its sequences, in the order of its micro-batches. */
export interface Kept {
  get(slice: number): Float64Array | undefined;
  put(slice: number, values: Float64Array): void;
}

/** Micro-batches that run between two looks at the signal; the messages stay small. */
const SLICE = 16;

/** Log-probability of each sequence's completion under the pool's model: Σ over its tokens. `unit` 2: sequences come in
 * pairs that begin alike. `kept` is of the same sequences and model, so of the same slices. */
export async function logProbabilities(
  pool: Pool,
  sequences: readonly AnySequence[],
  { padTokenId }: LlamaConfig,
  signal?: AbortSignal,
  unit: 1 | 2 = 1,
  kept?: Kept,
): Promise<Float64Array> {
  const out = new Float64Array(sequences.length);
  const nothing = new Float32Array(new SharedArrayBuffer(0));
  const one = async (slice: readonly LaidOut[], n: number) => {
    signal?.throwIfAborted();
    const indices = slice.flatMap((laid) => laid.indices);
    const known = kept?.get(n);
    if (known?.length === indices.length) {
      for (const [i, index] of indices.entries()) out[index] = known[i] as number;
      return;
    }
    const tasks = slice.map(({ micro }) => ({ kind: 'logp' as const, micro }));
    const results = await pool.gradient(tasks, nothing, signal);
    for (const [t, { micro, indices }] of slice.entries())
      addLogProbabilities(micro, indices, (results[t] as GradientResult).logp, out);
    kept?.put(
      n,
      Float64Array.from(indices, (index) => out[index] as number),
    );
  };
  const layout = { tokens: 2 * MICRO_TOKENS, unit, padId: padTokenId, parts: pool.parallel };
  let slice: LaidOut[] = [];
  let n = 0;
  for (const laid of eachMicroBatch(sequences, layout)) {
    slice.push(laid);
    if (slice.length < SLICE) continue;
    await one(slice, n++);
    slice = [];
  }
  if (slice.length > 0) await one(slice, n);
  return out;
}
