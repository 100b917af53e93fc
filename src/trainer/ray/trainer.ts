import type { Trainer, TrainJob, TrainResult, TrainStep } from '../../trainer.ts';
import { inTrainingFolder } from '../folder.ts';
import { prepare } from '../trl/job.ts';
import { RayHttp } from './http.ts';
import { RayJobs } from './jobs.ts';
import { PATIENCE, type RayOptions, type RayPatience } from './options.ts';
import { probe } from './probe.ts';
import { RaySession } from './session.ts';
import { readToken } from './token.ts';

/** Trains by TRL as a job of a Ray cluster, which goes on where this process ends. */
export class RayTrainer implements Trainer {
  readonly kinds = ['sft', 'dpo'] as const;
  readonly #options: RayOptions;
  readonly #patience: RayPatience;
  #jobs: RayJobs | undefined;

  constructor(options: RayOptions, patience: Partial<RayPatience> = {}) {
    this.#options = options;
    this.#patience = { ...PATIENCE, ...patience };
  }

  ready(): Promise<readonly string[]> {
    return probe(this.#open(), this.#options, this.#patience);
  }

  async train(
    job: TrainJob,
    onStep?: (step: TrainStep) => void,
    signal?: AbortSignal,
    onNote?: (message: string) => void,
  ): Promise<TrainResult> {
    signal?.throwIfAborted();
    const { precision, gradientCheckpointing, microBatch } = this.#options;
    const how = { precision, gradientCheckpointing, microBatch };
    return inTrainingFolder(job, `ray ${JSON.stringify(how)}`, async (folder) => {
      const jobs = this.#open();
      const session = new RaySession(jobs, job, {
        options: this.#options,
        patience: this.#patience,
        signal,
        onNote,
      });
      let result = folder.answer(onStep);
      if (result === null) {
        const { path, kept, dropped } = await prepare(job, folder, how, signal, onNote);
        await session.train(path, (step) => {
          const noted = folder.note(step);
          onStep?.(noted);
        });
        for (const step of kept) await session.fetch(`step-${step}`, folder.checkpoint(step));
        result = await folder.finish(kept, dropped);
      }
      await session.tidy();
      return result;
    });
  }

  async close(): Promise<void> {
    await this.#jobs?.close();
  }

  /** The token is read when it is first needed, and kept in memory only. */
  #open(): RayJobs {
    const { address, tokenEnv } = this.#options;
    this.#jobs ??= new RayJobs(new RayHttp({ address, token: readToken(tokenEnv) }));
    return this.#jobs;
  }
}
