import { EvalPlannerError } from '../errors.ts';
import type { GenerateRequest, Generation, Model } from '../model.ts';
import type { Generations } from '../store.ts';
import { turn } from './batches.ts';
import { Queue } from './queue.ts';
import { asStored, record } from './record.ts';
import { type Answer, type Ask, answered, type Task } from './task.ts';

export interface ConductOptions {
  readonly judge: Model;
  /** Answers what is asked of the planner; the judge when absent. */
  readonly planner?: Model | undefined;
  readonly store?: Generations | undefined;
  readonly fresh?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What never came is no data: a task of which a request failed gives no result, the others go on, and at the end what is missing
   * is an error; the ledger has the rest. In input order nothing that comes after a gap is handed over, so that what is stored in
   * that order stays in it. Failures that would come again (`permanent`) are answers. */
  readonly complete?: boolean;
  /** What that error says to do; without it, that the ledger stays. */
  readonly again?: string;
  /** Results come in the order of the inputs (default), or as they are done. */
  readonly inputOrder?: boolean;
  /** Hears of generations that came just now, as they come and are stored. */
  readonly onGenerations?: (batch: readonly Generation[]) => void;
  /** Tasks begun and not yet handed over: the bound of memory. */
  readonly window?: number;
}

/** Plans and other generations that tasks share are remembered this long where no ledger does. */
const REMEMBERED = 256;

/** An answer that its task waits for others with; with a ledger, which has it, it is not held. */
interface Had {
  readonly generation: Generation | null;
  readonly cached: boolean;
}

interface Running<T> {
  readonly index: number;
  readonly task: Task<T>;
  readonly answers: Map<string, Had>;
  outstanding: number;
  incomplete?: true;
}

/** Stands for the result of a task that got no answer. */
const INCOMPLETE = Symbol('incomplete');

/** Requests that wait to be pulled by calls of one model. */
interface Lane {
  readonly model: Model;
  readonly queue: Queue<GenerateRequest>;
  /** A call that still pulls; calls that only wait for their last generations are not. */
  pulling: boolean;
}

/** Run tasks over models, many at once: each model is asked by as few calls as possible, whose requests are pulled as it takes
 * them; a task goes on when its answers are there. With a ledger everything is in it before it is used, and what was there is
 * not asked for. Memory is bounded by the window, not by the number of inputs. */
export async function* conduct<I, T>(
  inputs: Iterable<I> | AsyncIterable<I>,
  start: (input: I) => Task<T>,
  options: ConductOptions,
): AsyncGenerator<T, void, undefined> {
  const conductor = new Conductor(inputs, start, options);
  try {
    yield* conductor.results();
  } finally {
    await conductor.stop();
  }
}

class Conductor<I, T> {
  readonly #source: AsyncIterator<I> | Iterator<I>;
  readonly #start: (input: I) => Task<T>;
  readonly #options: ConductOptions;
  readonly #window: number;
  readonly #lanes: readonly Lane[];
  readonly #controller = new AbortController();
  readonly #signal: AbortSignal;
  readonly #aborted: Promise<void>;
  readonly #waiting = new Map<string, Running<T>[]>();
  readonly #remembered = new Map<string, Generation>();
  readonly #finished = new Map<number, T | typeof INCOMPLETE>();
  readonly #calls = new Set<Promise<void>>();
  #next: Promise<void> | null = null;
  #arrived: IteratorResult<I> | null = null;
  #ended = false;
  #admitted = 0;
  #yielded = 0;
  #failure: unknown;
  /** Requests that got an answer, and those that got none, where tasks have to be complete. */
  #answered = 0;
  readonly #unanswered = new Map<string, Generation>();
  #failed = false;
  #wake = () => {};

  constructor(inputs: Iterable<I> | AsyncIterable<I>, start: (input: I) => Task<T>, options: ConductOptions) {
    this.#source =
      Symbol.asyncIterator in inputs ? inputs[Symbol.asyncIterator]() : inputs[Symbol.iterator]();
    this.#start = start;
    this.#options = options;
    this.#window = options.window ?? 1024;
    const { judge, planner = judge, signal } = options;
    const lane = (model: Model): Lane => ({ model, queue: new Queue(), pulling: false });
    const first = lane(judge);
    this.#lanes = planner === judge ? [first] : [first, lane(planner)];
    this.#signal = signal ? AbortSignal.any([signal, this.#controller.signal]) : this.#controller.signal;
    this.#aborted = new Promise((resolve) => {
      const stop = () => {
        resolve();
        this.#wake();
      };
      if (this.#signal.aborted) stop();
      else this.#signal.addEventListener('abort', stop, { once: true });
    });
  }

  async *results(): AsyncGenerator<T, void, undefined> {
    const { inputOrder = true, signal } = this.#options;
    let gap = false;
    for (;;) {
      if (this.#failed) throw this.#failure;
      signal?.throwIfAborted();
      const index = inputOrder ? this.#yielded : this.#finished.keys().next().value;
      if (index !== undefined && this.#finished.has(index)) {
        const result = this.#finished.get(index) as T | typeof INCOMPLETE;
        this.#finished.delete(index);
        this.#yielded++;
        if (result === INCOMPLETE) gap = true;
        else if (!(gap && inputOrder)) yield result;
        continue;
      }
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      const inFlight = this.#admitted - this.#yielded - this.#finished.size;
      if (this.#ended && inFlight === 0 && this.#finished.size === 0) {
        // The model may have more to say of what its last answers were: why it gave up.
        await Promise.all(this.#calls);
        if (this.#failed) throw this.#failure;
        this.#checkComplete();
        return;
      }
      this.#fill();
      await woken;
    }
  }

  /** Throws EvalPlannerError `model` where requests got no answer. */
  #checkComplete(): void {
    const failed = this.#unanswered.size;
    if (failed === 0) return;
    const [first] = this.#unanswered.values();
    const why = first?.error === undefined ? '' : `: ${first.error}`;
    const all = (failed + this.#answered).toLocaleString('en');
    throw new EvalPlannerError(
      'model',
      `${failed.toLocaleString('en')} of ${all} requests got no answer${why}`,
      this.#options.again ?? 'run the same command again: it asks for these only',
    );
  }

  async stop(): Promise<void> {
    this.#controller.abort();
    await Promise.allSettled(this.#calls);
    // Not waited for: a source that waits for its input would not end before that comes.
    if (!this.#ended) void Promise.resolve(this.#source.return?.()).catch(() => {});
  }

  /** Have a call pull wherever there is something to pull. */
  #fill(): void {
    const [first] = this.#lanes;
    for (const lane of this.#lanes) {
      if (!lane.pulling && (lane.queue.length > 0 || (lane === first && this.#ready()))) this.#call(lane);
    }
  }

  /** Whether another input may be begun. */
  #open(): boolean {
    return !this.#ended && this.#admitted - this.#yielded < this.#window && !this.#signal.aborted;
  }

  /** Whether one may be begun without waiting for it beside work that is under way. */
  #ready(): boolean {
    return this.#open() && (this.#next === null || this.#arrived !== null || this.#waiting.size === 0);
  }

  #call(lane: Lane): void {
    lane.pulling = true;
    const call = this.#ask(lane)
      .catch((error: unknown) => {
        this.#failed = true;
        this.#failure = error;
      })
      .finally(() => {
        this.#calls.delete(call);
        this.#wake();
      });
    this.#calls.add(call);
  }

  async #ask(lane: Lane): Promise<void> {
    const { store, fresh = false } = this.#options;
    const signal = this.#signal;
    const pulled = new Set<string>();
    const source = this.#requests(lane, pulled);
    // An empty call would open a connection or load weights for nothing.
    const first = await source.next();
    if (first.done) return;
    const requests = resumed(first.value, source);
    const batches = store
      ? record({ store, signal }, lane.model, requests, { fresh })
      : singly(lane.model.generate(requests, { signal }));
    for await (const batch of batches) {
      this.#options.onGenerations?.(batch);
      for (const generation of batch) {
        pulled.delete(generation.key);
        this.#deliver(generation);
      }
      this.#wake();
    }
    signal.throwIfAborted();
    if (pulled.size > 0) {
      const message = `the model gave no answer to ${pulled.size} of its requests`;
      throw new EvalPlannerError('model', message, 'run the same command again');
    }
  }

  /** What is ready, then new inputs. Ends rather than waits for generations; then another call may begin. */
  async *#requests(lane: Lane, pulled: Set<string>): AsyncGenerator<GenerateRequest, void, undefined> {
    try {
      for (;;) {
        const request = lane.queue.shift();
        if (request !== undefined) {
          pulled.add(request.key);
          yield request;
        } else if (lane !== this.#lanes[0] || !(await this.#admit())) return;
      }
    } finally {
      lane.pulling = false;
      this.#wake();
    }
  }

  /** Begin another input; false when there is none to begin now. */
  async #admit(): Promise<boolean> {
    if (!this.#open()) return false;
    this.#next ??= this.#read();
    const busy = this.#waiting.size > 0;
    // Input that is there already has been read after a turn.
    if (this.#arrived === null) await Promise.race([this.#next, busy ? turn() : this.#aborted]);
    const arrived = this.#arrived as IteratorResult<I> | null;
    if (arrived === null) return false;
    this.#next = null;
    this.#arrived = null;
    if (arrived.done) {
      this.#ended = true;
      this.#wake();
      return false;
    }
    const index = this.#admitted++;
    this.#step({ index, task: this.#start(arrived.value), answers: new Map(), outstanding: 0 });
    return true;
  }

  async #read(): Promise<void> {
    try {
      this.#arrived = await this.#source.next();
    } catch (error) {
      this.#failed = true;
      this.#failure = error;
      this.#arrived = { done: true, value: undefined };
    }
    this.#wake();
  }

  #deliver(generation: Generation): void {
    const { key, finishReason } = generation;
    const tasks = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    if (finishReason !== 'error') this.#remember(generation);
    if (this.#options.complete && finishReason === 'error' && !generation.permanent) {
      this.#unanswered.set(key, generation);
      for (const running of tasks) this.#giveUp(running);
      return;
    }
    this.#answered++;
    for (const running of tasks) {
      if (running.incomplete) continue;
      running.answers.set(key, this.#had(generation, running !== tasks[0]));
      if (--running.outstanding === 0) this.#step(running);
    }
  }

  /** Requests of it that wait or are under way are not: their answers are kept by the ledger. */
  #giveUp(running: Running<T>): void {
    if (running.incomplete) return;
    running.incomplete = true;
    this.#finished.set(running.index, INCOMPLETE);
    this.#wake();
  }

  #remember(generation: Generation): void {
    this.#remembered.set(generation.key, generation);
    if (this.#remembered.size <= REMEMBERED) return;
    for (const oldest of this.#remembered.keys()) {
      this.#remembered.delete(oldest);
      return;
    }
  }

  /** Go on with a task as far as what is there allows. */
  #step(running: Running<T>): void {
    while (running.outstanding === 0) {
      const answers = new Map(Array.from(running.answers, ([key, had]) => [key, this.#answer(key, had)]));
      running.answers.clear();
      const { done, value } = running.task.next(answers);
      if (done) {
        this.#finished.set(running.index, value);
        this.#wake();
        return;
      }
      for (const ask of value) this.#want(running, ask);
    }
    this.#fill();
  }

  #had(generation: Generation, cached: boolean): Had {
    return { generation: this.#options.store ? null : generation, cached };
  }

  #answer(key: string, { generation, cached }: Had): Answer {
    const found = generation ?? this.#options.store?.generation(key);
    if (found === undefined)
      throw new EvalPlannerError('internal', `the ledger has lost ${key}`, 'report this as a bug');
    return { generation: answered(found), cached };
  }

  #want(running: Running<T>, { of, request }: Ask): void {
    const { key } = request;
    if (running.answers.has(key)) return;
    const stored = this.#options.fresh ? undefined : this.#options.store?.generation(key);
    const had = stored?.finishReason === 'error' ? undefined : (stored ?? this.#remembered.get(key));
    if (had) {
      running.answers.set(key, this.#had(had, true));
      return;
    }
    const tasks = this.#waiting.get(key);
    if (tasks?.includes(running)) return;
    running.outstanding++;
    if (tasks) tasks.push(running);
    else {
      this.#waiting.set(key, [running]);
      const lane = (of === 'planner' ? this.#lanes[1] : undefined) ?? (this.#lanes[0] as Lane);
      lane.queue.push(request);
    }
  }
}

async function* resumed<R>(first: R, rest: AsyncIterable<R>): AsyncGenerator<R, void, undefined> {
  yield first;
  yield* rest;
}

async function* singly(
  generations: AsyncIterable<Generation>,
): AsyncGenerator<readonly Generation[], void, undefined> {
  for await (const generation of generations) yield [asStored(generation)];
}
