import { withEngineErrors } from '../../model/local/engine-failure.ts';
import type { Trainer, TrainJob, TrainResult, TrainStep } from '../../trainer.ts';
import { TrainingFolder } from '../folder.ts';
import { noteVersions, requirePython } from './environment.ts';
import { prepare } from './job.ts';
import type { TrlOptions } from './options.ts';
import { runPython } from './process.ts';

/** Trains by TRL, in a Python process of its own. */
export class TrlTrainer implements Trainer {
  readonly kinds = ['sft', 'dpo'] as const;
  readonly #options: TrlOptions;

  constructor(options: TrlOptions = {}) {
    this.#options = options;
  }

  async ready(): Promise<readonly string[]> {
    return noteVersions(await requirePython(this.#options.python, this.#options.accelerate));
  }

  async train(
    job: TrainJob,
    onStep?: (step: TrainStep) => void,
    signal?: AbortSignal,
    onNote?: (message: string) => void,
  ): Promise<TrainResult> {
    signal?.throwIfAborted();
    const { python: _, ...how } = this.#options;
    return withEngineErrors(async () => {
      // What another trainer has begun, or this one otherwise, is not gone on with.
      const folder = await TrainingFolder.open({
        out: job.out,
        key: `trl ${JSON.stringify(how)} ${job.key}`,
      });
      try {
        const { result } = folder;
        for (const step of result?.steps ?? []) onStep?.(step);
        if (result !== null) return result;
        const python = await requirePython(this.#options.python, this.#options.accelerate);
        const { path, kept, dropped } = await prepare(job, folder, this.#options, signal, onNote);
        await runPython({
          python,
          job: path,
          out: job.out,
          options: this.#options,
          signal,
          onStep: (step) => {
            const noted = folder.note(step);
            onStep?.(noted);
          },
        });
        return await folder.finish(kept, dropped);
      } finally {
        folder.close();
      }
    });
  }

  async close(): Promise<void> {}
}
