import { setTimeout as sleep } from 'node:timers/promises';
import { EvalPlannerError } from '../../errors.ts';
import type { TrainJob, TrainStep } from '../../trainer.ts';
import { submit, training } from './entrypoint.ts';
import { eventOf, type TrainerEvent } from './event.ts';
import { follow } from './follow.ts';
import { hasEnded, type RayJob, type RayJobs } from './jobs.ts';
import type { RayOptions, RayPatience } from './options.ts';
import { patiently } from './patience.ts';
import { openPlace, type Place } from './place.ts';
import { nameOf, type RayRecord, readRecord, removeRecord, writeRecord } from './record.ts';
import { upload } from './upload.ts';

/** Jobs in a row that may be lost without a step in between. */
const MOST_LOST = 3;
/** An abort takes 10 s at most, ms. */
const STOP_WITHIN = 9_500;
const STOP_POLL = 200;
/** Of the log, in an error. */
const LAST_LINES = 12;

export interface SessionOptions {
  readonly options: RayOptions;
  readonly patience: RayPatience;
  readonly signal?: AbortSignal | undefined;
  readonly onNote?: ((message: string) => void) | undefined;
}

/** One training on a cluster: its folder in what is shared, and the jobs that work in it, one after the other. */
export class RaySession {
  readonly #jobs: RayJobs;
  readonly #job: TrainJob;
  readonly #how: SessionOptions;
  #place: Place | undefined;
  /** Steps that were told. */
  #told = 0;

  constructor(jobs: RayJobs, job: TrainJob, how: SessionOptions) {
    this.#jobs = jobs;
    this.#job = job;
    this.#how = how;
  }

  /** Trains what a local file of a job says, or follows the job that does. Aborted, that is stopped; where this process or the connection
   * ends, it goes on. */
  async train(path: string, onStep: (step: TrainStep) => void): Promise<void> {
    let record = await this.#placed(path);
    for (let lost = 0; ; ) {
      const found = await this.#ask(() => this.#jobs.find(record.job), this.#told === 0);
      const isOver = found !== null && hasEnded(found) && found.status !== 'SUCCEEDED';
      // An id is taken for good: another try is another job.
      if (isOver) record = await this.#record({ ...record, job: nameOf(this.#job.key) });
      const before = this.#told;
      const why = await this.#follow(record.job, isOver || found === null, onStep);
      if (why === null) return;
      lost = this.#told > before ? 1 : lost + 1;
      if (lost > MOST_LOST)
        throw this.#failed(record.job, 'model', `was lost ${lost} times in a row: ${why}`);
      this.#how.onNote?.(
        `the Ray job ${record.job} was lost (${why}); another one goes on from the last whole state`,
      );
    }
  }

  /** Bring a folder of the training here. */
  async fetch(name: string, to: string): Promise<void> {
    await (this.#place as Place).fetch(`out/${name}`, to);
  }

  /** Take away what lies in what is shared. */
  async tidy(): Promise<void> {
    const record = readRecord(this.#job.out);
    if (record === null) return;
    try {
      await (await openPlace(record.shared, record.place, this.#how.options.python)).remove();
      await removeRecord(this.#job.out);
    } catch (error) {
      this.#how.onNote?.(
        `${record.place} in ${record.shared} could not be removed: ${(error as Error).message}`,
      );
    }
  }

  /** Has all that a job reads lie where the workers see it. */
  async #placed(path: string): Promise<RayRecord> {
    const { key, out } = this.#job;
    const { shared, python } = this.#how.options;
    const { address } = this.#jobs;
    let record = readRecord(out);
    if (record !== null && (record.key !== key || record.shared !== shared)) {
      await this.#stop(record);
      await this.tidy();
      record = null;
    }
    if (record !== null && record.address !== address) {
      // The same cluster may have another address.
      if ((await this.#ask(() => this.#jobs.find((record as RayRecord).job), true)) === null)
        await this.#stop(record);
      record = await this.#record({ ...record, address });
    }
    record ??= await this.#record({
      key,
      place: nameOf(key),
      shared,
      whole: false,
      job: nameOf(key),
      address,
    });
    this.#place = await openPlace(shared, record.place, python);
    if (record.whole) return record;
    await upload(path, this.#place, this.#how.signal);
    return await this.#record({ ...record, whole: true });
  }

  async #record(record: RayRecord): Promise<RayRecord> {
    await writeRecord(this.#job.out, record);
    return record;
  }

  /** Follow a job to its end, submitted before where it is not there. Answers null where it has done all, and what happened where another one
   * may go on. */
  async #follow(id: string, isNew: boolean, onStep: (step: TrainStep) => void): Promise<string | null> {
    const { signal, onNote, patience } = this.#how;
    const last: string[] = [];
    let said: TrainerEvent | undefined;
    const onLine = (line: string) => {
      if (signal?.aborted) return;
      const event = eventOf(line);
      if (event === null) {
        last.push(line);
        if (last.length > LAST_LINES) last.shift();
        return;
      }
      said = event;
      // A job that goes on from a state tells again what that has behind it.
      if (event.type !== 'step' || event.step !== this.#told + 1) return;
      this.#told++;
      const { type: _, ...step } = event;
      onStep(step);
    };
    const onWait = (why: string) => onNote?.(`the Ray job ${id} has not begun: ${why}`);
    let end: RayJob | null;
    try {
      signal?.throwIfAborted();
      if (isNew) {
        const url = (this.#place as Place).at('job.json');
        const { options } = this.#how;
        // Not aborted half-way, when nobody would know whether there is a job to stop.
        await this.#ask(() => submit(this.#jobs, id, training(url, options), options));
      }
      end = await follow(this.#jobs, id, { onLine, onWait, signal, ...patience });
      signal?.throwIfAborted();
    } catch (error) {
      // Out of reach it goes on, and is followed again later.
      if (!(error instanceof EvalPlannerError && error.code === 'network')) await this.#end(id);
      throw error;
    }
    if (said?.type === 'failure')
      throw new EvalPlannerError(said.code, `${said.message} (${this.#job.out})`, said.remedy);
    if (end === null) return 'the cluster knows it no more';
    if (end.status === 'SUCCEEDED' && said?.type === 'done') return null;
    if (end.status === 'STOPPED') throw this.#failed(id, 'run', 'was stopped there');
    const why = lossOf(end);
    if (why !== null) return why;
    const words = last.length > 0 ? `; its last words:\n${last.join('\n')}` : '';
    const how =
      end.driver_exit_code == null ? (end.message ?? end.status) : `exit code ${end.driver_exit_code}`;
    throw this.#failed(id, 'model', `has ended before its end (${how.trim().slice(0, 300)})${words}`);
  }

  /** Have a job of an earlier training end, wherever that is. Throws EvalPlannerError `run` where that cannot be known. */
  async #stop({ address, job }: RayRecord): Promise<void> {
    const jobs = address === this.#jobs.address ? this.#jobs : this.#jobs.elsewhere(address);
    try {
      const found = await jobs.find(job);
      if (found && !hasEnded(found)) await stopped(jobs, job);
    } catch (error) {
      throw new EvalPlannerError(
        'run',
        `the Ray job ${job} of ${this.#job.out} may still train at ${address}: ${(error as Error).message}`,
        `stop it there (ray job stop ${job} --address ${address}), and remove ${this.#job.out}/ray.json`,
        error,
      );
    } finally {
      if (jobs !== this.#jobs) await jobs.close();
    }
  }

  async #end(id: string): Promise<void> {
    try {
      await stopped(this.#jobs, id);
    } catch (error) {
      this.#how.onNote?.(
        `the Ray job ${id} could not be stopped, and goes on: ${(error as Error).message}; ray job stop ${id} --address ${this.#jobs.address} stops it`,
      );
    }
  }

  #ask<T>(attempt: () => Promise<T>, first = false): Promise<T> {
    const { signal, patience } = this.#how;
    const remedy = `run the same command again: what the Ray job of ${this.#job.out} has done is kept`;
    return patiently(attempt, {
      patience: first ? patience.connectPatience : patience.patience,
      remedy,
      signal,
    });
  }

  #failed(id: string, code: 'run' | 'model', what: string): EvalPlannerError {
    return new EvalPlannerError(
      code,
      `the Ray job ${id} of ${this.#job.out} ${what}`,
      `read its log (ray job logs ${id} --address ${this.#jobs.address}); the same command goes on from the last whole state`,
    );
  }
}

/** What took a job away that did nothing wrong; null for one that failed by itself. 71: a worker of Ray Train was lost; 75: the training
 * was asked to stop, as before a machine is taken away. */
function lossOf({ error_type, driver_exit_code, message }: RayJob): string | null {
  const first = (message ?? '').trim().split('\n')[0]?.slice(0, 200);
  if (driver_exit_code === 71 || driver_exit_code === 75) return `exit code ${driver_exit_code}`;
  const lost = /^JOB_SUPERVISOR_ACTOR_(DIED|START_FAILURE|UNKNOWN_FAILURE)$/.test(error_type ?? '');
  return lost ? `${error_type}: ${first}` : null;
}

/** Have a job stop, and wait until it has. */
async function stopped(jobs: RayJobs, id: string): Promise<void> {
  const signal = AbortSignal.timeout(STOP_WITHIN);
  await jobs.stop(id, signal);
  for (;;) {
    const job = await jobs.find(id, signal);
    if (job === null || hasEnded(job)) return;
    await sleep(STOP_POLL, undefined, { signal });
  }
}
