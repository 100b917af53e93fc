import { createHash } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DivergenceError } from '../engine/errors.ts';
import type { Pool } from '../engine/parallel/pool.ts';
import type { Sequence } from '../engine/training/sequence.ts';
import { readTrainState, writeTrainState } from '../engine/training/state.ts';
import { logProbabilities, type Preference, StepTrainer } from '../engine/training/trainer.ts';
import { EvalPlannerError } from '../errors.ts';
import { makeFolder } from '../files.ts';
import { withCheckpointErrors } from '../model/local/checkpoint.ts';
import type { Tokenizer } from '../model/local/tokenizer.ts';
import { random, seedOf, shuffle } from '../random.ts';
import type { DpoJob, Trainer, TrainJob, TrainResult, TrainStep } from '../trainer.ts';
import { openTrainee } from './trainee.ts';

/** A killed training goes on from a state that is at most this old. */
const STATE_SECONDS = 15;
/** Rows are sorted by length within windows of this many batches, so that a batch holds little padding. */
const WINDOW = 8;

/** Trains in this process, with the built-in engine. */
export class EmbeddedTrainer implements Trainer {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async train(job: TrainJob, onStep?: (step: TrainStep) => void, signal?: AbortSignal): Promise<TrainResult> {
    return withCheckpointErrors(() => this.#train(job, onStep, signal));
  }

  async #train(
    job: TrainJob,
    onStep?: (step: TrainStep) => void,
    signal?: AbortSignal,
  ): Promise<TrainResult> {
    const { optimisation } = job;
    const trainee = await openTrainee(job);
    const { parameters, adapter, tokenizer } = trainee;
    const { eosTokenIds, maxPositionEmbeddings } = parameters.config;
    const [eos] = eosTokenIds as [number];
    const maxLength = Math.min(optimisation.maxLength, maxPositionEmbeddings);
    const read = (prompt: string, completion: string) => sequence(tokenizer, prompt, completion, eos);
    const fits = ({ ids }: Sequence) => ids.length <= maxLength;

    let run: (
      trainer: StepTrainer,
      rows: readonly number[],
    ) => Promise<Omit<TrainStep, 'step' | 'steps' | 'seconds'>>;
    let lengths: number[];
    if (job.kind === 'sft') {
      const rows = job.rows.map((row) => read(row.prompt, row.completion)).filter(fits);
      lengths = rows.map(({ ids }) => ids.length);
      run = (trainer, batch) => trainer.sft(batch.map((index) => rows[index] as Sequence));
    } else {
      const rows = job.rows
        .map((row) => ({ chosen: read(row.prompt, row.chosen), rejected: read(row.prompt, row.rejected) }))
        .filter(({ chosen, rejected }) => fits(chosen) && fits(rejected));
      lengths = rows.map(({ chosen, rejected }) => Math.max(chosen.ids.length, rejected.ids.length));
      // The reference model is the start: its log-probabilities come before the first update.
      this.#pool.load(parameters, { adapter });
      const flat = rows.flatMap(({ chosen, rejected }) => [chosen, rejected]);
      const reference = await cached(job, [trainee.revision, flat], async () => {
        const values = await logProbabilities(this.#pool, flat, parameters.config, signal, 2);
        signal?.throwIfAborted();
        return values;
      });
      const preferences = rows.map((row, i): Preference => {
        const referenceMargin = (reference[2 * i] as number) - (reference[2 * i + 1] as number);
        return { ...row, referenceMargin };
      });
      const { beta, nllWeight } = job as DpoJob;
      run = (trainer, batch) =>
        trainer.dpo(
          batch.map((index) => preferences[index] as Preference),
          beta,
          nllWeight,
        );
    }
    signal?.throwIfAborted();
    if (lengths.length === 0) {
      const remedy = `give it rows whose prompt and completion fit into ${maxLength} tokens`;
      throw new EvalPlannerError('data', `there is nothing to train ${job.out} on`, remedy);
    }

    const batches = schedule(lengths, optimisation);
    const steps = batches.length;
    const trainer = new StepTrainer(this.#pool, parameters, { ...optimisation, steps }, adapter);
    const trained = adapter ?? parameters;
    const state = await stateFile(job, trainee.revision);
    await readTrainState(state, trained, trainer.adamw);

    const folder = (step: number) => join(job.out, `step-${step}`);
    const kept = checkpointSteps(steps, optimisation.checkpoints);
    const log: TrainStep[] = [];
    let saved = performance.now();
    while (trainer.adamw.updates < steps) {
      if (signal?.aborted) {
        await writeTrainState(state, trained, trainer.adamw);
        signal.throwIfAborted();
      }
      const started = performance.now();
      const result = await run(trainer, batches[trainer.adamw.updates] as number[]).catch(async (error) => {
        if (!(error instanceof DivergenceError)) throw error;
        await writeTrainState(state, trained, trainer.adamw);
        throw diverged(job.out, error);
      });
      const step = trainer.adamw.updates;
      const line = { ...result, step, steps, seconds: (performance.now() - started) / 1000 };
      log.push(line);
      onStep?.(line);
      const keep = kept.includes(step);
      if (keep) await trainee.save(folder(step));
      if (keep || performance.now() - saved > STATE_SECONDS * 1000) {
        await writeTrainState(state, trained, trainer.adamw);
        saved = performance.now();
      }
    }
    await rm(state, { force: true });
    return { checkpoints: kept.map(folder), steps: log, dropped: job.rows.length - lengths.length };
  }
}

/** Where a killed training goes on from, its folder made. The name holds what the training is a function of: a state of
 * other rows or settings is never continued, and goes. */
async function stateFile(job: TrainJob, start: string): Promise<string> {
  const { model: _, out, ...rest } = job;
  const folder = dirname(out);
  makeFolder(folder);
  const hash = hashOf({ start, ...rest, cache: undefined }).slice(0, 16);
  const own = `${basename(out)}.${hash}.state`;
  for (const name of await readdir(folder)) {
    const end = name.startsWith(`${basename(out)}.`) ? name.slice(basename(out).length) : '';
    // A draft is left by a kill in the middle of a write.
    if (name !== own && /^\.[0-9a-f]{16}\.state(\.draft)?$/.test(end))
      await rm(join(folder, name), { force: true });
  }
  return join(folder, own);
}

const hashOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');

/** The reference's log-probabilities from the job's cache, or computed and put there: all or none, since the last digits
 * depend on what is computed together. */
async function cached(
  { cache }: TrainJob & { readonly kind: 'dpo' },
  origin: unknown,
  compute: () => Promise<Float64Array>,
): Promise<Float64Array> {
  const key = hashOf(origin);
  const known = cache?.logProbabilities(key);
  if (known) return known;
  const values = await compute();
  cache?.putLogProbabilities(key, values);
  return values;
}

/** Prompt and completion as one sequence, ended by the end-of-sequence token as TRL ends its rows. */
function sequence(tokenizer: Tokenizer, prompt: string, completion: string, eos: number): Sequence {
  const start = tokenizer.start(prompt);
  const rest = tokenizer.encode(completion);
  const end = rest.at(-1) === eos ? [] : [eos];
  return { ids: [...start, ...rest, ...end], start: start.length };
}

function diverged(out: string, error: DivergenceError): EvalPlannerError {
  // Its state stays, so that the same settings fail at once again; other settings never go on from it.
  const remedy =
    'lower the learning rate, or give it more warmup steps; the training then starts over, and its checkpoints replace those of the same steps';
  return new EvalPlannerError(
    'usage',
    `the training of ${out} has diverged: ${error.message}`,
    remedy,
    error,
  );
}

/** The rows of each step. */
function schedule(
  lengths: readonly number[],
  { epochs, batchSize, seed }: TrainJob['optimisation'],
): number[][] {
  const next = random(seedOf(seed, 'batches'));
  return Array.from({ length: epochs }, () => {
    const rows = shuffle(next, [...lengths.keys()]);
    const batches: number[][] = [];
    for (let start = 0; start < rows.length; start += WINDOW * batchSize) {
      const window = rows.slice(start, start + WINDOW * batchSize);
      window.sort((a, b) => (lengths[a] as number) - (lengths[b] as number) || a - b);
      for (let at = 0; at < window.length; at += batchSize) batches.push(window.slice(at, at + batchSize));
    }
    return shuffle(next, batches);
  }).flat();
}

/** The steps after which a checkpoint is kept: evenly spread, the last included. */
function checkpointSteps(steps: number, count: number): number[] {
  const wanted = Array.from({ length: count }, (_, i) => Math.round(((i + 1) * steps) / count));
  return [...new Set(wanted)].filter((step) => step > 0);
}
