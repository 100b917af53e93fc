import { expect } from 'vitest';
import { sizeOf } from '../src/engine/graph.ts';
import type { Parameters } from '../src/engine/llama/parameters.ts';
import type { Adapter } from '../src/engine/lora/adapter.ts';
import type { Pool } from '../src/engine/parallel/pool.ts';
import type { FlatTensors } from '../src/engine/tensors.ts';
import type { Sequence } from '../src/engine/training/sequence.ts';
import {
  logProbabilities,
  type OptimiserOptions,
  type Preference,
  type StepResult,
  StepTrainer,
} from '../src/engine/training/trainer.ts';
import type { Tokenizer } from '../src/model/local/tokenizer.ts';
import { relativeDifference } from './compare.ts';
import { note } from './measured.ts';
import type { Training } from './reference.ts';
import type { PreferenceText, SftText } from './rows.ts';

export const STEPS = 50;
export const BATCH = 8;
const BETA = 0.1;
const NLL_WEIGHT = 0.5;
const optimiser: OptimiserOptions = {
  learningRate: 3e-3,
  warmupSteps: 5,
  steps: STEPS,
  betas: [0.9, 0.95],
  weightDecay: 0.1,
  maxGradNorm: 1,
};

/** The same for TRL's SFTConfig. */
export const SFT_SETTINGS = {
  per_device_train_batch_size: BATCH,
  max_steps: STEPS,
  learning_rate: optimiser.learningRate,
  warmup_steps: optimiser.warmupSteps,
  adam_beta1: optimiser.betas[0],
  adam_beta2: optimiser.betas[1],
  weight_decay: optimiser.weightDecay,
  max_grad_norm: optimiser.maxGradNorm,
};
/** … and for its DPOConfig. */
export const DPO_SETTINGS = {
  ...SFT_SETTINGS,
  beta: BETA,
  loss_type: ['sigmoid', 'sft'],
  loss_weights: [1, NLL_WEIGHT],
};

/** What is trained: all of a model, or an adapter on it. */
export interface Start {
  readonly parameters: Parameters;
  readonly adapter?: Adapter;
}

/** One kind of training: our step on the rows from `begin` to `end`, and TRL's account of the same. */
export interface Comparison {
  readonly what: 'SFT' | 'DPO' | 'LoRA SFT' | 'LoRA DPO';
  readonly name: string;
  readonly theirs: Training;
  /** d.NAME: the gradient of the first batch; w.NAME: the weights at the end. */
  readonly tensors: ReadonlyMap<string, Float32Array>;
  /** A copy of the start at each call. */
  readonly start: () => Promise<Start>;
  readonly step: (trainer: StepTrainer, begin: number, end: number) => Promise<StepResult>;
  /** Other than BATCH and STEPS. */
  readonly batch?: number;
  readonly steps?: number;
  /** Rows of TRL's first batch; fewer than ours where it accumulates gradients. */
  readonly first?: number;
}

/** A flat array by parameter. */
function byName({ shapes }: FlatTensors, flat: Float32Array): Map<string, Float32Array> {
  let at = 0;
  const parts = shapes.map(({ name, shape }) => {
    const begin = at;
    at += sizeOf(shape);
    return [name, flat.subarray(begin, at)] as const;
  });
  return new Map(parts);
}

function expectTensors(
  { name, tensors }: Comparison,
  what: string,
  letter: 'd' | 'w',
  found: ReadonlyMap<string, Float32Array>,
): void {
  const theirs = [...tensors.keys()].filter((key) => key.startsWith(`${letter}.`));
  expect([...found.keys()].map((key) => `${letter}.${key}`).sort()).toEqual(theirs.sort());
  for (const [key, values] of found) {
    const apart = relativeDifference(values, tensors.get(`${letter}.${key}`)!);
    expect(note(what, apart, `${name}: ${key}`), key).toBeLessThan(1e-3);
  }
}

function expectCurve({ what, name, theirs: { log } }: Comparison, found: readonly StepResult[]): void {
  expect(log.map(({ step }) => step)).toEqual(found.map((_, i) => i + 1));
  for (const [i, line] of log.entries()) {
    const step = found[i]!;
    const at = `${name}, step ${line.step}`;
    expect(step.learningRate, at).toBeCloseTo(line.learning_rate, 12);
    const loss = Math.abs(step.loss - line.loss) / line.loss;
    expect(note(`${what} loss of a step, relative`, loss, at), at).toBeLessThan(0.01);
    const norm = Math.abs(step.gradNorm - line.grad_norm) / line.grad_norm;
    expect(note(`${what} gradient norm of a step, relative`, norm, at), at).toBeLessThan(0.01);
  }
  // Clipping has work to do.
  expect(Math.max(...log.map((line) => line.grad_norm))).toBeGreaterThan(optimiser.maxGradNorm);
}

/** Loss and gradients of one batch within 1e-3, every step within 1 %, weights at the end within 1e-3, relative. */
export async function expectSameTraining(pool: Pool, comparison: Comparison): Promise<void> {
  const { what, name, theirs, start, step, batch = BATCH, first = batch, steps = STEPS } = comparison;
  const once = await start();
  const options = { ...optimiser, steps };
  const unclipped = { ...options, maxGradNorm: 1e9 };
  const one = new StepTrainer(pool, once.parameters, unclipped, { adapter: once.adapter });
  const { loss } = await step(one, 0, first);
  const apart = Math.abs(loss - theirs.loss) / theirs.loss;
  expect(note(`${what} loss, relative`, apart, name)).toBeLessThan(1e-3);
  // After one step without clipping the first moment is (1 − β₁) g.
  const gradient = one.adamw.m.map((value) => value / (1 - optimiser.betas[0]));
  const kind = byName(once.adapter ?? once.parameters, gradient);
  expectTensors(comparison, `${what} gradient, relative`, 'd', kind);

  const { parameters, adapter } = await start();
  const trained = adapter ?? parameters;
  const before = trained.flat.slice();
  const trainer = new StepTrainer(pool, parameters, options, { adapter });
  const found: StepResult[] = [];
  for (let i = 0; i < steps; i++) found.push(await step(trainer, i * batch, (i + 1) * batch));
  expectCurve(comparison, found);
  // Far from the start, for what is compared there to mean something.
  expect(relativeDifference(trained.flat, before)).toBeGreaterThan(steps * 4e-4);
  expectTensors(comparison, `${what} weights at the end, relative`, 'w', byName(trained, trained.flat));
}

/** A row as EmbeddedTrainer reads it. */
function sequence(tokenizer: Tokenizer, eos: number, prompt: string, completion: string): Sequence {
  const start = tokenizer.encode(prompt);
  return { ids: [...start, ...tokenizer.encode(completion), eos], start: start.length };
}

/** SFT rows in our tokens, which must be TRL's. */
export function sftSequences(
  texts: readonly SftText[],
  { tokenized }: Training,
  tokenizer: Tokenizer,
  eos: number,
): Sequence[] {
  const rows = texts.map(({ prompt, completion }) => sequence(tokenizer, eos, prompt, completion));
  expect(tokenized.map((row) => row.input_ids)).toEqual(rows.map(({ ids }) => ids));
  const labels = rows.map(({ ids, start }) => ids.map((id, i) => (i < start ? -100 : id)));
  expect(tokenized.map((row) => row.labels)).toEqual(labels);
  return rows;
}

/** Preference rows in our tokens, which must be TRL's, with the margins of the reference model. */
export async function preferences(
  texts: readonly PreferenceText[],
  { tokenized }: Training,
  tokenizer: Tokenizer,
  pool: Pool,
  reference: Start,
): Promise<Preference[]> {
  const { config } = reference.parameters;
  const read = (prompt: string, completion: string) =>
    sequence(tokenizer, config.eosTokenIds[0]!, prompt, completion);
  const rows = texts.map((row) => [read(row.prompt, row.chosen), read(row.prompt, row.rejected)] as const);
  expect(
    tokenized.map(({ prompt_ids: prompt, chosen_ids: chosen, rejected_ids: rejected }) => [
      [...prompt!, ...chosen!],
      [...prompt!, ...rejected!],
    ]),
  ).toEqual(rows.map(([chosen, rejected]) => [chosen.ids, rejected.ids]));
  pool.load(reference.parameters, { adapter: reference.adapter });
  const logp = await logProbabilities(pool, rows.flat(), config);
  return rows.map(([chosen, rejected], i) => {
    return { chosen, rejected, referenceMargin: logp[2 * i]! - logp[2 * i + 1]! };
  });
}

export const sftStep =
  (rows: readonly Sequence[]): Comparison['step'] =>
  (trainer, begin, end) =>
    trainer.sft(rows.slice(begin, end));

export const dpoStep =
  (rows: readonly Preference[]): Comparison['step'] =>
  (trainer, begin, end) =>
    trainer.dpo(rows.slice(begin, end), BETA, NLL_WEIGHT);
