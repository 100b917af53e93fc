import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ggufAt } from '../../engine/gguf/file.ts';
import type { Sequence } from '../../engine/training/sequence.ts';
import { makeFolder, writeAtomically, writeLinesAtomically } from '../../files.ts';
import { baseNamed } from '../../model/local/checkpoint.ts';
import { copyCheckpoint, mergeCheckpoint } from '../../model/local/copy.ts';
import { openStart, readLimits, type Start } from '../../model/local/start.ts';
import type { TrainJob } from '../../trainer.ts';
import { checkRoom, megabytes } from '../disk-room.ts';
import type { TrainingFolder } from '../folder.ts';
import { checkpointSteps, schedule } from '../schedule.ts';
import { nothingFits, readTokenRows, type TokenRows } from '../token-rows.ts';
import { diskNeed } from './disk-need.ts';
import type { TrlOptions } from './options.ts';

/** Bytes on disk from which a person is told in advance. */
const NOTEWORTHY = 1e9;

/** A job as python/evalplanner_trainer/job.py reads it. */
export interface PythonJob {
  readonly kind: 'sft' | 'dpo';
  readonly weights: string;
  readonly adapter: string | null;
  readonly base: { readonly name: string; readonly revision: string | null };
  readonly tokenizer: string;
  readonly eos: number;
  readonly rows: string;
  readonly schedule: string;
  readonly out: string;
  readonly state: string;
  readonly kept: readonly number[];
  readonly [setting: string]: unknown;
}

export interface Prepared {
  /** The file of the job. */
  readonly path: string;
  readonly kept: readonly number[];
  readonly dropped: number;
}

/** Puts down what the Python side reads, all of it in the folder of the training's state: token ids and the masks that they imply, the
 * rows of each step, the tokenizer's files, and the job, last. What an earlier call has put down is taken as it is.
 * Throws EvalPlannerError: `data` for rows that are none, `disk` where there is too little room. */
export async function prepare(
  job: TrainJob,
  folder: TrainingFolder,
  options: TrlOptions,
  signal?: AbortSignal,
  onNote?: (message: string) => void,
): Promise<Prepared> {
  const { state } = folder;
  const path = join(state, 'job.json');
  const told = join(state, 'dropped.json');
  if (existsSync(path)) {
    const { kept } = JSON.parse(await readFile(path, 'utf8')) as PythonJob;
    return { path, kept, dropped: JSON.parse(await readFile(told, 'utf8')) as number };
  }
  await rm(state, { recursive: true, force: true });
  makeFolder(join(state, 'tokenizer'));
  const { optimisation } = job;
  const start = await openStart(job.model);
  const { files, tokenizer } = start;
  const weights = await weightsOf(job, start, join(state, 'start'));
  const { eos, positions } = await readLimits(weights.folder, tokenizer);
  const maxLength = Math.min(optimisation.maxLength, positions);
  const verdictWeight = job.kind === 'sft' ? job.verdictWeight : undefined;
  const read = await readTokenRows(job, { tokenizer, files, eos, maxLength, verdictWeight, signal });
  const { lengths, dropped } = read;
  if (lengths.length === 0) throw nothingFits(job.out, maxLength);
  const steps = schedule(lengths, optimisation);
  const kept = checkpointSteps(steps.length, optimisation.checkpoints);
  const need = await checkRoom(job.out, folder, kept, await diskNeed(weights.folder, optimisation.lora));
  if (need >= NOTEWORTHY) onNote?.(`the training takes up to ${megabytes(need)} MB of disk in ${job.out}`);

  await writeLinesAtomically(join(state, 'rows.jsonl'), tokenRows(job.kind, read));
  await writeLinesAtomically(join(state, 'schedule.jsonl'), steps);
  for (const [name, text] of Object.entries(files))
    await writeAtomically(join(state, 'tokenizer', name), text);
  await writeAtomically(told, JSON.stringify(dropped));
  const { base, revision = null } = baseNamed(start.base);
  const made: PythonJob = {
    kind: job.kind,
    weights: weights.folder,
    adapter: weights.adapter,
    base: { name: revision === null ? resolve(base) : base, revision },
    tokenizer: resolve(state, 'tokenizer'),
    eos,
    rows: resolve(state, 'rows.jsonl'),
    schedule: resolve(state, 'schedule.jsonl'),
    out: resolve(job.out),
    state: resolve(state, 'states'),
    kept,
    ...settingsOf(job, options),
  };
  await writeAtomically(path, JSON.stringify(made));
  return { path, kept, dropped };
}

/** All but the places. */
function settingsOf(job: TrainJob, options: TrlOptions): Readonly<Record<string, unknown>> {
  const { seed, learningRate, warmupSteps, weightDecay, betas, maxGradNorm, lora } = job.optimisation;
  const { precision = 'float32', gradientCheckpointing = false, microBatch = null } = options;
  return {
    // numpy takes 32 bits.
    seed: seed % 2 ** 32,
    learning_rate: learningRate,
    warmup_steps: warmupSteps,
    weight_decay: weightDecay,
    betas,
    max_grad_norm: maxGradNorm,
    lora: lora ?? null,
    beta: job.kind === 'dpo' ? job.beta : 0.1,
    nll_weight: job.kind === 'dpo' ? job.nllWeight : 0,
    precision,
    gradient_checkpointing: gradientCheckpointing,
    micro_batch: microBatch,
  };
}

/** A folder that transformers reads: a GGUF file is written as one, and an adapter that is not trained on is merged. */
async function weightsOf(
  { model, optimisation }: TrainJob,
  { base, adapter }: Start,
  own: string,
): Promise<{ readonly folder: string; readonly adapter: string | null }> {
  if (adapter !== null && !optimisation.lora) {
    await mergeCheckpoint(model, own);
    return { folder: resolve(own), adapter: null };
  }
  const kept = adapter === null ? null : resolve(adapter);
  if ((await ggufAt(base)) === null) return { folder: resolve(base), adapter: kept };
  await copyCheckpoint(base, own);
  return { folder: resolve(own), adapter: kept };
}

/** Of a sequence all behind `start` carries loss. */
export function* tokenRows(
  kind: TrainJob['kind'],
  { sequences }: Pick<TokenRows, 'sequences'>,
): Generator<object> {
  const parts = ({ ids, start, weights }: Sequence<Int32Array>) => ({
    prompt: [...ids.subarray(0, start)],
    own: [...ids.subarray(start)],
    weights: weights ? { weights } : {},
  });
  const each = kind === 'sft' ? 1 : 2;
  for (let i = 0; i < sequences.length; i += each) {
    const { prompt, own, weights } = parts(sequences[i] as Sequence<Int32Array>);
    yield kind === 'sft'
      ? { prompt, completion: own, ...weights }
      : { prompt, chosen: own, rejected: parts(sequences[i + 1] as Sequence<Int32Array>).own };
  }
}
