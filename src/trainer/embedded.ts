import { DivergenceError } from '../engine/errors.ts';
import type { Pool } from '../engine/parallel/pool.ts';
import type { Sequence } from '../engine/training/sequence.ts';
import { readTrainState, stateBytes, writeTrainState } from '../engine/training/state.ts';
import { logProbabilities, type Preference, StepTrainer } from '../engine/training/trainer.ts';
import { EvalPlannerError } from '../errors.ts';
import type { Trainer, TrainJob, TrainResult, TrainStep } from '../trainer.ts';
import { checkRoom, megabytes } from './disk-room.ts';
import { inTrainingFolder, type TrainingFolder } from './folder.ts';
import { openReference, originOf } from './reference.ts';
import { checkpointSteps, schedule } from './schedule.ts';
import { StateKeeper } from './state-keeper.ts';
import { nothingFits, readTokenRows } from './token-rows.ts';
import { openTrainee, type Trainee } from './trainee.ts';

/** Bytes on disk from which a person is told in advance. */
const NOTEWORTHY = 1e9;

/** Trains in this process, with the built-in engine. */
export class EmbeddedTrainer implements Trainer {
  readonly kinds = ['sft', 'dpo'] as const;
  readonly #pool: Pool;

  /** The pool is closed with the trainer. */
  constructor(pool: Pool) {
    this.#pool = pool;
  }

  async train(
    job: TrainJob,
    onStep?: (step: TrainStep) => void,
    signal?: AbortSignal,
    onNote?: (message: string) => void,
  ): Promise<TrainResult> {
    signal?.throwIfAborted();
    return inTrainingFolder(
      job,
      '',
      async (folder) => folder.answer(onStep) ?? (await this.#train(job, folder, onStep, signal, onNote)),
    );
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #train(
    job: TrainJob,
    folder: TrainingFolder,
    onStep?: (step: TrainStep) => void,
    signal?: AbortSignal,
    onNote?: (message: string) => void,
  ): Promise<TrainResult> {
    const { optimisation } = job;
    const trainee = await openTrainee(job, this.#pool.device);
    const { parameters, adapter, trained, tokenizer, files } = trainee;
    const { eosTokenIds, maxPositionEmbeddings } = parameters.config;
    const [eos] = eosTokenIds as [number];
    const maxLength = Math.min(optimisation.maxLength, maxPositionEmbeddings);
    const verdictWeight = job.kind === 'sft' ? job.verdictWeight : undefined;
    const read = await readTokenRows(job, { tokenizer, files, eos, maxLength, verdictWeight, signal });
    const { sequences, lengths, dropped } = read;
    if (lengths.length === 0) throw nothingFits(job.out, maxLength);
    const batches = schedule(lengths, optimisation);
    const steps = batches.length;
    const kept = checkpointSteps(steps, optimisation.checkpoints);
    const sizes = { checkpoint: trainee.bytes, state: stateBytes(trained) };
    const need = await checkRoom(job.out, folder, kept, sizes);
    if (need >= NOTEWORTHY) onNote?.(`the training takes up to ${megabytes(need)} MB of disk in ${job.out}`);
    const run = await this.#steps(job, folder, trainee, sequences, signal);

    const around = (update: () => Promise<void>) => keeper.change(update);
    const trainer = new StepTrainer(this.#pool, parameters, { ...optimisation, steps }, { adapter, around });
    const { adamw } = trainer;
    await readTrainState(folder.state, trained, adamw);
    for (const step of folder.before(adamw.updates)) onStep?.(step);
    const keeper = new StateKeeper({
      write() {
        folder.sync();
        return writeTrainState(folder.state, trained, adamw);
      },
      bytes: sizes.state,
      updates: adamw.updates,
      signal,
    });
    try {
      while (adamw.updates < steps) {
        const started = performance.now();
        const result = await run(trainer, batches[adamw.updates] as number[]).catch(async (error) => {
          // The weights are those of the last update.
          if (signal?.aborted || error instanceof DivergenceError) await keeper.keep();
          throw error instanceof DivergenceError ? diverged(job.out, error) : error;
        });
        const step = adamw.updates;
        const seconds = (performance.now() - started) / 1000;
        const noted = folder.note({ ...result, step, steps, seconds });
        onStep?.(noted);
        const keep = kept.includes(step);
        if (keep) await trainee.save(folder.checkpoint(step));
        if (step < steps) keeper.rest(step, keep);
      }
    } finally {
      await keeper.close();
    }
    return await folder.finish(kept, dropped);
  }

  /** How a step of these rows is taken. */
  async #steps(
    job: TrainJob,
    folder: TrainingFolder,
    { parameters, adapter, revision }: Trainee,
    sequences: readonly Sequence<Int32Array>[],
    signal?: AbortSignal,
  ): Promise<TakeStep> {
    const at = (index: number) => sequences[index] as Sequence<Int32Array>;
    if (job.kind === 'sft') return (trainer, batch) => trainer.sft(batch.map(at), signal);
    // The reference model is the start: its log-probabilities come before the first update.
    this.#pool.load(parameters, { adapter });
    const kept = openReference(folder.reference, originOf(revision, sequences));
    let reference: Float64Array;
    try {
      reference = await logProbabilities(this.#pool, sequences, parameters.config, signal, 2, kept);
    } finally {
      kept.close();
    }
    const pair = (row: number): Preference<Int32Array> => {
      const referenceMargin = (reference[2 * row] as number) - (reference[2 * row + 1] as number);
      return { chosen: at(2 * row), rejected: at(2 * row + 1), referenceMargin };
    };
    return (trainer, batch) => trainer.dpo(batch.map(pair), job.beta, job.nllWeight, signal);
  }
}

/** Takes the step of a batch, given by its rows. */
type TakeStep = (
  trainer: StepTrainer,
  rows: readonly number[],
) => Promise<Omit<TrainStep, 'step' | 'steps' | 'seconds'>>;

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
