import { EvalPlannerError } from '../../errors.ts';
import { Breaker } from './breaker.ts';
import { CallFailure } from './call-failure.ts';
import { backoff, type Clock, SYSTEM_CLOCK } from './clock.ts';
import type { EndpointLimits } from './endpoint-state.ts';
import { type Affinity, type Endpoint, type Place, Places } from './places.ts';
import { WATCH_DEFAULTS, Watch, type WatchOptions } from './watch.ts';

export interface SchedulerOptions extends EndpointLimits {
  /** How endpoints are looked at that tell how they are. */
  readonly watch: WatchOptions;
  /** Tries of one job, where calls fail that a server took (those that it turned away are not counted). */
  readonly attempts: number;
  /** Jobs in a row that may fail for good in the same words before all is stopped. */
  readonly breaker: number;
}

const SCHEDULER_DEFAULTS: SchedulerOptions = {
  initialConcurrency: 32,
  maxConcurrency: 128,
  timeout: 600_000,
  attempts: 8,
  retryDelay: 500,
  breaker: 8,
  maxRetryAfter: 3_600_000,
  patience: 600_000,
  connectPatience: 10_000,
  watch: WATCH_DEFAULTS,
};

/** How often a job goes elsewhere that was lost with its server: one that ends every server it comes to must not end them all. */
const LOSSES = 1;

/** What may be spent. */
export interface Allowance<Job, Result> {
  /** Sets aside what the job may cost at most; false where that is not left. */
  reserve(job: Job): boolean;
  /** How a job ended that was reserved for; null: it was given up. */
  settle(job: Job, answer: Result | CallFailure | null): void;
  /** What the user is told when not even one more job can be paid. */
  spent(): EvalPlannerError;
}

export type Outcome<Job, Result> =
  | { readonly job: Job; readonly result: Result }
  | { readonly job: Job; readonly failure: CallFailure };

interface Waiting<Job, Result> {
  readonly job: Job;
  readonly run: Run;
  /** Sends it there; null: it is dropped. */
  readonly admit: (place: Place<Job, Result> | null) => void;
}

/** One call of `run`: what is told when places come free, and what ends with it. */
interface Run {
  readonly pump: () => void;
  /** End what is under way: calls and waits. */
  readonly underWay: Set<() => void>;
  left: boolean;
  /** Its source has ended. */
  exhausted: boolean;
}

/** Sends jobs to endpoints: as many at once as they bear, each to the least loaded, again where a call failed that another
 * may not, and exactly one outcome for each job. It is the only layer that retries. Limits, pauses and the allowance are
 * shared by all runs. Memory is bounded by what may be in flight, never by the number of jobs. */
export class Scheduler<Job, Result> {
  readonly #options: SchedulerOptions;
  readonly #clock: Clock;
  readonly #places: Places<Job, Result>;
  readonly #watch: Watch<Job, Result>;
  readonly #allowance: Allowance<Job, Result> | null;
  readonly #waiting: Waiting<Job, Result>[] = [];
  readonly #runs = new Set<Run>();
  readonly #breaker: Breaker;
  #lastFailure: CallFailure | null = null;
  #stopped: EvalPlannerError | null = null;
  readonly #sleeping = new Set<() => void>();
  #sent = 0;

  constructor(
    endpoints: readonly Endpoint<Job, Result>[],
    options: Partial<SchedulerOptions> = {},
    clock: Clock = SYSTEM_CLOCK,
    allowance: Allowance<Job, Result> | null = null,
    affinity: Affinity<Job> | null = null,
  ) {
    this.#options = { ...SCHEDULER_DEFAULTS, ...options };
    this.#clock = clock;
    this.#allowance = allowance;
    this.#places = new Places(endpoints, this.#options, clock, affinity);
    this.#watch = new Watch(this.#options.watch, clock, () => {
      if (this.#places.allGone) this.#stop(this.#unavailable());
      this.#dispatch();
    });
    this.#breaker = new Breaker(this.#options.breaker);
  }

  /** Yields the outcome of each job as it ends. Jobs are pulled as places come free. Throws EvalPlannerError (`model`,
   * `usage`) where going on is no use, after the outcomes of what was in flight. An abort ends it at once, without error. */
  async *run(
    jobs: Iterable<Job> | AsyncIterable<Job>,
    signal?: AbortSignal,
  ): AsyncGenerator<Outcome<Job, Result>, void, undefined> {
    const source = Symbol.asyncIterator in jobs ? jobs[Symbol.asyncIterator]() : jobs[Symbol.iterator]();
    const ended: Outcome<Job, Result>[] = [];
    let open = 0; // jobs that were pulled and not yet yielded
    let pulling = false;
    let bug: { readonly error: unknown } | null = null;
    let wake = () => {};

    const perform = async (job: Job) => {
      try {
        const outcome = await this.#perform(job, run);
        if (outcome === null) open--;
        else ended.push(outcome);
      } catch (error) {
        open--;
        bug ??= { error };
      }
      this.#settle();
      wake();
    };
    const pump = async () => {
      if (pulling) return;
      pulling = true;
      try {
        while (!run.exhausted && !run.left && !bug && !this.#stopped && this.#wantsMore(open)) {
          const { value, done } = await source.next();
          if (done) run.exhausted = true;
          else {
            open++;
            perform(value);
          }
        }
      } catch (error) {
        run.exhausted = true;
        bug ??= { error };
      }
      pulling = false;
      this.#settle();
      wake();
    };
    const run: Run = { pump, underWay: new Set(), left: false, exhausted: false };
    const leave = () => {
      run.left = true;
      for (const end of run.underWay) end();
      wake();
    };

    signal?.addEventListener('abort', leave, { once: true });
    this.#runs.add(run);
    try {
      if (signal?.aborted) return;
      this.#watch.begin(this.#places.all);
      for (;;) {
        pump();
        while (ended.length > 0 && !run.left) {
          const outcome = ended.shift() as Outcome<Job, Result>;
          open--;
          yield outcome;
          pump();
        }
        if (run.left) return;
        if (bug) throw (bug as { readonly error: unknown }).error;
        if (open === 0 && !pulling) {
          if (this.#stopped) throw this.#stopped;
          if (run.exhausted) return;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
          const over = open === 0 && !pulling && (run.exhausted || this.#stopped !== null);
          if (ended.length > 0 || run.left || bug || over) resolve();
        });
      }
    } finally {
      signal?.removeEventListener('abort', leave);
      leave();
      this.#runs.delete(run);
      if (this.#runs.size === 0) this.#rest();
      else {
        this.#dispatch();
        this.#settle();
      }
      // Not awaited: the source itself may be waiting for its next job.
      Promise.resolve(source.return?.()).catch(() => {});
    }
  }

  /** The outcome of a job; null when it was dropped: the run was left, or all is stopped. */
  async #perform(job: Job, run: Run): Promise<Outcome<Job, Result> | null> {
    let losses = 0;
    for (let tries = 1; ; ) {
      let sent = 0;
      const answer = await new Promise<Result | CallFailure | null>((resolve) => {
        const admit = (place: Place<Job, Result> | null) => {
          sent = ++this.#sent;
          resolve(place && this.#call(place, job, run));
        };
        this.#waiting.push({ job, run, admit });
        this.#dispatch();
      });
      if (answer === null) return null;
      if (!(answer instanceof CallFailure)) {
        this.#breaker.succeeded(sent);
        return { job, result: answer };
      }
      if (answer.kind === 'lost' && ++losses > LOSSES) return { job, failure: answer };
      const turnedAway = /refused|unreachable|denied|lost/.test(answer.kind);
      if (answer.kind === 'permanent' || (!turnedAway && tries >= this.#options.attempts)) {
        const stop = this.#breaker.failed(answer);
        if (stop) this.#stop(stop);
        if (answer.kind !== 'permanent') return { job, failure: answer };
        const own = stop === null && (await this.#doubt(sent, run));
        // Refused by the words of a bad request, as all others were: nothing is known of this one.
        return { job, failure: own ? answer : new CallFailure('transient', answer.message) };
      }
      const wait = answer.retryAfter ?? backoff(tries, this.#options.retryDelay, this.#clock.random());
      if (!turnedAway) tries++;
      // Another endpoint may take at once what this one turned away: it is paused now.
      if (!(turnedAway && this.#places.several && this.#places.leastLoaded())) await this.#sleep(wait, run);
    }
  }

  /** Whether a failure is its job's own, as soon as that is known; memory is bounded, since the breaker is. */
  async #doubt(sent: number, run: Run): Promise<boolean> {
    const own = this.#breaker.doubt(sent);
    const left = Promise.withResolvers<boolean>();
    const leave = () => left.resolve(false);
    run.underWay.add(leave);
    this.#settle();
    try {
      return await Promise.race([own, left.promise]);
    } finally {
      run.underWay.delete(leave);
    }
  }

  /** Where nothing is under way, and nothing will be, doubts are no use. */
  #settle(): void {
    if (this.#waiting.length > 0 || this.#places.anyInFlight || this.#sleeping.size > 0) return;
    if ([...this.#runs].every(({ exhausted, left }) => exhausted || left) || this.#stopped)
      this.#breaker.believe(this.#stopped === null);
  }

  /** One call; its failure is an answer too, and null that it was given up. */
  #call(place: Place<Job, Result>, job: Job, run: Run): Promise<Result | CallFailure | null> {
    const { endpoint, state, underWay } = place;
    const { timeout } = this.#options;
    const number = state.begin(this.#clock.now());
    const controller = new AbortController();
    return new Promise((resolve, reject) => {
      let over = false;
      const settle = (answer: Result | CallFailure | null) => {
        if (over) return;
        over = true;
        cancel();
        run.underWay.delete(giveUp);
        underWay.delete(cut);
        const failure = answer instanceof CallFailure ? answer : null;
        if (failure) {
          this.#lastFailure = failure;
          if (/unreachable|transient|timeout|lost/.test(failure.kind)) this.#watch.suspect(place);
        }
        if (answer === null) state.abandon();
        else state.end(number, failure, this.#clock.now(), this.#clock.random());
        this.#allowance?.settle(job, answer);
        if (this.#places.allGone) this.#stop(this.#unavailable());
        resolve(answer);
        this.#dispatch();
      };
      const giveUp = () => {
        controller.abort();
        settle(null);
      };
      const cut = (failure: CallFailure) => {
        controller.abort();
        settle(failure);
      };
      underWay.add(cut);
      const cancel = this.#clock.timer(timeout, () => {
        controller.abort();
        settle(
          new CallFailure('timeout', `no answer in ${timeout / 1000} s`, {
            remedy: 'allow more time, or fewer tokens for each answer',
          }),
        );
      });
      run.underWay.add(giveUp);
      const call = async () => endpoint.call(job, controller.signal);
      call().then(settle, (error: unknown) => {
        if (error instanceof CallFailure) return settle(error);
        reject(error);
        settle(null);
      });
    });
  }

  /** Gives free places to those who wait; what is still free is for new jobs. */
  readonly #dispatch = (): void => {
    const waiting = this.#waiting;
    while (waiting.length > 0) {
      const first = waiting[0] as Waiting<Job, Result>;
      if (this.#stopped || first.run.left) {
        waiting.shift();
        first.admit(null);
        continue;
      }
      if (this.#places.leastLoaded() === null) break;
      if (this.#allowance && !this.#allowance.reserve(first.job)) {
        // What is set aside for the calls in flight may come back.
        if (this.#places.anyInFlight) return;
        this.#stop(this.#allowance.spent());
        return;
      }
      waiting.shift();
      first.admit(this.#places.take(first.job));
    }
    if (waiting.length > 0) this.#places.await(this.#dispatch);
    else for (const { pump } of this.#runs) pump();
  };

  /** Whether a run that has `open` jobs may pull another: nobody waits for a place, and there is one. Ended jobs that
   * nobody has read and jobs that wait to be repeated count, so that both are bounded. */
  #wantsMore(open: number): boolean {
    if (this.#waiting.length > 0) return false;
    if (this.#places.leastLoaded() === null) {
      this.#places.await(this.#dispatch);
      return false;
    }
    return open < 4 * this.#places.limit + 64;
  }

  #sleep(milliseconds: number, run: Run): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((resolve) => {
      const end = () => {
        cancel();
        run.underWay.delete(end);
        this.#sleeping.delete(end);
        resolve();
      };
      const cancel = this.#clock.timer(milliseconds, end);
      run.underWay.add(end);
      this.#sleeping.add(end);
    });
  }

  /** Nothing new is sent; what is in flight comes to its end. */
  #stop(error: EvalPlannerError): void {
    this.#stopped ??= error;
    for (const end of this.#sleeping) end();
    this.#dispatch();
  }

  #unavailable(): EvalPlannerError {
    const failure = this.#lastFailure;
    const { names } = this.#places;
    const why = failure?.message ?? 'it takes no calls';
    return new EvalPlannerError(
      'model',
      // A failure may begin with the name of its endpoint.
      `${names} cannot be used: ${why.startsWith(names) ? why.slice(names.length).replace(/^:? /, '') : why}`,
      failure?.remedy ?? 'run the same command again when the server is back: what came so far is kept',
    );
  }

  /** No run is left: no timer may keep the process, and the next run starts anew. */
  #rest(): void {
    this.#dispatch();
    this.#stopped = null;
    this.#watch.rest();
    this.#places.rest();
  }
}
