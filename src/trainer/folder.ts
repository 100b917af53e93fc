import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { diskError } from '../engine/errors.ts';
import { EvalPlannerError } from '../errors.ts';
import { makeFolder, writeAtomically } from '../files.ts';
import { withEngineErrors } from '../model/local/engine-failure.ts';
import type { TrainJob, TrainResult, TrainStep } from '../trainer.ts';
import { LineLog } from './line-log.ts';
import { lockFolder } from './lock.ts';

/** What `training.json` holds: whose training this is and, once it has finished, what it gave. */
interface Description {
  readonly key: string;
  readonly finished?: {
    readonly steps: number;
    readonly checkpoints: readonly string[];
    readonly dropped: number;
  };
}

const DESCRIPTION = 'training.json';
const STEPS = 'steps.jsonl';
/** Of a training that has not finished. */
const STATE = 'train.state';
const REFERENCE = 'reference.jsonl';
const OWN = [DESCRIPTION, STEPS, STATE, REFERENCE];

/** Work in the folder of a training, held for as long. `by`: the trainer, and how it computes; what another one has begun, or this one
 * otherwise, is not gone on with. */
export function inTrainingFolder<T>(
  { out, key }: Pick<TrainJob, 'out' | 'key'>,
  by: string,
  work: (folder: TrainingFolder) => Promise<T>,
): Promise<T> {
  return withEngineErrors(async () => {
    const folder = await TrainingFolder.open({ out, key: `${by} ${key}`.trimStart() });
    try {
      return await work(folder);
    } finally {
      folder.close();
    }
  });
}

/** The folder of one training, held until it is closed: its key, the steps told so far, and what it goes on from. Other files
 * in it are left alone; checkpoints of another key are there until others take their names. */
export class TrainingFolder {
  readonly #out: string;
  readonly #key: string;
  readonly #log: LineLog;
  readonly #release: () => void;
  readonly #steps: TrainStep[];
  readonly #finished: Description['finished'] | undefined;

  private constructor(
    out: string,
    key: string,
    release: () => void,
    finished: Description['finished'] | undefined,
  ) {
    this.#out = out;
    this.#key = key;
    this.#release = release;
    this.#finished = finished;
    const steps: TrainStep[] = [];
    this.#log = LineLog.open(join(out, STEPS), (line) => {
      const step = stepOf(line);
      return step.step === steps.length + 1 && steps.push(step) > 0;
    });
    this.#steps = steps;
  }

  /** Throws EvalPlannerError `run` while another training has it, CheckpointError `disk`. */
  static async open({ out, key }: Pick<TrainJob, 'out' | 'key'>): Promise<TrainingFolder> {
    let release = () => {};
    try {
      makeFolder(out);
      release = lockFolder(out).release;
      const found = readDescription(join(out, DESCRIPTION));
      if (found?.key !== key) {
        // The description first: without one the rest belongs to nobody.
        for (const name of OWN) await remove(join(out, name));
        await writeAtomically(join(out, DESCRIPTION), JSON.stringify({ key } satisfies Description));
      }
      const { finished } = found?.key === key ? found : {};
      const whole = finished?.checkpoints.every((name) => existsSync(join(out, name))) ?? false;
      const folder = new TrainingFolder(out, key, release, whole ? finished : undefined);
      if (!whole || folder.steps.length === finished?.steps) return folder;
      folder.close();
      throw damaged(out);
    } catch (error) {
      release();
      throw error instanceof EvalPlannerError ? error : diskError('write', out, error);
    }
  }

  /** What an earlier call came to, if it did; its steps are told again. */
  answer(onStep?: (step: TrainStep) => void): TrainResult | null {
    if (!this.#finished) return null;
    for (const step of this.#steps) onStep?.(step);
    const { checkpoints, dropped } = this.#finished;
    return { checkpoints: checkpoints.map((name) => join(this.#out, name)), steps: this.#steps, dropped };
  }

  /** Steps that were told, in order from the first. */
  get steps(): readonly TrainStep[] {
    return this.#steps;
  }

  get state(): string {
    return join(this.#out, STATE);
  }

  get reference(): string {
    return join(this.#out, REFERENCE);
  }

  checkpoint(step: number): string {
    return join(this.#out, `step-${step}`);
  }

  /** The steps that a state has behind it. */
  before(updates: number): readonly TrainStep[] {
    if (updates > this.#steps.length) throw damaged(this.#out);
    return this.#steps.slice(0, updates);
  }

  /** Note a step before it is told; one that is done again stays as it was told. */
  note(step: TrainStep): TrainStep {
    const known = this.#steps[step.step - 1];
    if (known) return known;
    this.#log.append(step);
    this.#steps.push(step);
    return step;
  }

  /** To be called before a state is written: it is never ahead of the steps. */
  sync(): void {
    this.#log.sync();
  }

  async finish(steps: readonly number[], dropped: number): Promise<TrainResult> {
    this.sync();
    const checkpoints = steps.map((step) => `step-${step}`);
    const finished = { steps: this.#steps.length, checkpoints, dropped };
    const description: Description = { key: this.#key, finished };
    try {
      await writeAtomically(join(this.#out, DESCRIPTION), JSON.stringify(description));
      for (const name of [STATE, REFERENCE]) await remove(join(this.#out, name));
    } catch (error) {
      throw diskError('write', this.#out, error);
    }
    return { checkpoints: steps.map((step) => this.checkpoint(step)), steps: [...this.#steps], dropped };
  }

  close(): void {
    this.#log.close();
    this.#release();
  }
}

/** A file or folder of ours, with the draft that a kill in the middle of a write left of it. */
async function remove(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await rm(`${path}.draft`, { recursive: true, force: true });
}

function readDescription(path: string): Description | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Description;
  } catch {
    return null;
  }
}

function stepOf(line: unknown): TrainStep {
  // JSON has no NaN.
  return JSON.parse(JSON.stringify(line), (_, value) => value ?? Number.NaN) as TrainStep;
}

function damaged(out: string): EvalPlannerError {
  return new EvalPlannerError(
    'data',
    `${join(out, STEPS)} is damaged: there are fewer steps than were done`,
    `remove ${join(out, DESCRIPTION)}, and the training starts over`,
  );
}
