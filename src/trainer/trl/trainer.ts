import type { Trainer, TrainJob, TrainResult, TrainStep } from '../../trainer.ts';
import { inTrainingFolder } from '../folder.ts';
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
    return inTrainingFolder(job, `trl ${JSON.stringify(how)}`, async (folder) => {
      const result = folder.answer(onStep);
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
      return folder.finish(kept, dropped);
    });
  }

  async close(): Promise<void> {}
}
