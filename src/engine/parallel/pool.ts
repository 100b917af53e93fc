import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Device } from '../device.ts';
import { type BaseParameters, HalfParameters } from '../llama/parameters.ts';
import type { Adapter } from '../lora/adapter.ts';
import type { Quantization } from '../quantization.ts';
import type { ChosenToken, Sample, SampleRequest } from '../sampling/sample.ts';
import type { AdamWArrays, AdamWUpdate, Stretch } from '../training/adamw.ts';
import type { FromWorker, GradientResult, GradientTask, ToWorker } from './protocol.ts';
import { Turn } from './turn.ts';
import { Waiting } from './waiting.ts';

/** Two workers whatever the machine: how a batch is split, and so every digit of a training run, must not depend on the
 * number of cores. More cores become threads of the runtime inside each worker. */
export const WORKERS = 2;
/** Above so many weights, or so many tokens in a row, micro-batches run one at a time, with every core: a second one needs
 * as much memory again. Decided by the work, not by the machine. */
const LARGE = 64e6;
const LONG = 1024;
/** Requests handed to a worker at a time. */
const CHUNK = 32;

/** Sequences that a worker samples at a time. A wide model's step goes into moving its weights, whatever the number of
 * sequences (measured at 512 wide: 64 are 17 % faster than 32); a narrow one's gains nothing beyond 32. */
const slotsOf = ({ config }: BaseParameters): number => (config.hiddenSize < 256 ? 32 : 64);

/** The type of the reply to each question. */
const ANSWERS = { gradient: 'gradient', squares: 'squares', update: 'updated' } as const;
type Answers = typeof ANSWERS;

type Listener = (message: FromWorker) => void;

/** What a live run reports; nothing is said of requests that were dropped. */
export interface LiveEvents {
  token(chosen: ChosenToken): void;
  done(sample: Sample): void;
  /** The run is over: a worker failed. */
  failed(error: Error): void;
}

/** A sampling run without an end: requests join those that are running, in the order of their arrival. */
export interface LiveRun {
  /** Requests of one prompt that are added together share its prefill. Their indices are new ones. */
  add(requests: readonly SampleRequest[]): void;
  /** Give requests up: their slots are free for others at the next step. */
  drop(indices: readonly number[]): void;
  /** Ends the run; what is in flight is dropped. */
  end(): void;
}

/** Worker threads that share one model's weights. One training step or one sampling run at a time. */
export class Pool {
  readonly #workers: Worker[];
  readonly #listeners: Listener[] = Array.from({ length: WORKERS }, () => () => {});
  readonly #failures: ((error: Error) => void)[] = Array.from({ length: WORKERS }, () => () => {});
  readonly device: Device;
  /** What is sampled is computed in. */
  readonly quantization: Quantization | undefined;
  #parallel = WORKERS;
  #loaded: { parameters: BaseParameters; adapter: Adapter | undefined; slots: number } | null = null;
  /** Of what is trained. */
  #tensors = 0;
  #turn: SharedArrayBuffer | null = null;
  #runs = 0;
  #closing = false;
  /** Why the pool is of no more use. */
  #gone: Error | null = null;

  /** Whether the device works, and the processor can do with the quantization, is for the caller to find out before (checkDevice,
   * addsInt8): here the one would be a failure of the first run, and nobody would notice the other. */
  constructor(device: Device = 'cpu', quantization?: Quantization) {
    this.device = device;
    this.quantization = quantization;
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    this.#workers = Array.from({ length: WORKERS }, (_, i) => {
      const worker = new Worker(new URL(`./worker.${extension}`, import.meta.url), { name: `engine ${i}` });
      worker.on('message', (message: FromWorker) => {
        if (message.type === 'failed') this.#failures[i]?.(new Error(message.message));
        else this.#listeners[i]?.(message);
      });
      worker.on('error', (error) => this.#lose(error instanceof Error ? error : new Error(String(error))));
      worker.on('exit', (code) => this.#lose(new Error(`a thread of the engine has ended (${code})`)));
      return worker;
    });
  }

  /** Make the workers use these weights; free where they do already. Training sees later changes in place, since the memory is
   * shared; sampling takes them as they are when it first begins after a load or an update. `slots`: sequences that each of
   * the workers samples at a time; `adapter`: trained in place of the weights (sampling goes without it). */
  load(
    parameters: BaseParameters,
    {
      slots = slotsOf(parameters),
      adapter,
    }: { readonly slots?: number; readonly adapter?: Adapter | undefined } = {},
  ): void {
    const known = this.#loaded;
    if (known && known.parameters === parameters && known.adapter === adapter && known.slots === slots)
      return;
    this.#loaded = { parameters, adapter, slots };
    this.#parallel = parameters.flat.length > LARGE ? 1 : WORKERS;
    this.#tensors = (adapter ?? parameters).shapes.length;
    for (const worker of this.#workers) {
      const message: ToWorker = {
        type: 'model',
        config: parameters.config,
        weights: parameters.flat.buffer,
        half: parameters instanceof HalfParameters,
        ...(adapter ? { adapter: { lora: adapter.lora, weights: adapter.flat.buffer } } : {}),
        threads: threadsOf(WORKERS),
        device: this.device,
        quantization: this.quantization,
        slots,
      };
      worker.postMessage(message);
    }
  }

  /** How many micro-batches run at a time. */
  get parallel(): number {
    return this.#parallel;
  }

  /** Run the micro-batches of one step. The results are in the tasks' order; the gradients' sum is in `gradient`: the
   * workers add theirs in that order, one after the other. Where one fails no further one is begun, and `gradient` is worth
   * nothing; so it is where the signal comes, whose reason is then thrown. */
  async gradient(
    tasks: readonly Omit<GradientTask, 'first' | 'threads'>[],
    gradient: Float32Array<SharedArrayBuffer>,
    signal?: AbortSignal,
  ): Promise<readonly GradientResult[]> {
    const parallel = tasks.some(({ micro }) => micro.length > LONG) ? 1 : this.#parallel;
    const load = new Array<number>(parallel).fill(0);
    const assigned: number[][] = load.map(() => []);
    for (const [index, { micro }] of tasks.entries()) {
      const worker = load.indexOf(Math.min(...load));
      load[worker] = (load[worker] as number) + micro.tokens;
      assigned[worker]?.push(index);
    }
    const turn = Turn.shared(this.#tensors);
    this.#turn = turn;
    const results: GradientResult[] = new Array(tasks.length);
    const failures: unknown[] = [];
    const run = async (index: number, worker: number) => {
      signal?.throwIfAborted();
      const given = tasks[index] as GradientTask;
      const task = { ...given, first: index === 0, threads: threadsOf(parallel) };
      const message = { type: 'gradient', task, index, turn, gradient: gradient.buffer } as const;
      results[index] = (await this.#ask(worker, message)).result;
    };
    await Promise.all(
      assigned.map(async (indices, worker) => {
        for (const index of indices) {
          if (failures.length > 0) return;
          await run(index, worker).catch((error: unknown) => {
            failures.push(error);
            // The turns of what this worker will not run would never come; what runs elsewhere ends first.
            Turn.release(turn);
          });
        }
      }),
    );
    if (failures.length > 0) throw failures[0];
    return results;
  }

  /** Σ g² of a gradient, given as each worker's part of it. */
  async sumOfSquares(
    gradient: Float32Array<SharedArrayBuffer>,
    parts: readonly (readonly Stretch[])[],
  ): Promise<number> {
    const replies = await Promise.all(
      parts.map((stretches, worker) => this.#ask(worker, { type: 'squares', gradient, stretches })),
    );
    return replies.reduce((total, { sum }) => total + sum, 0);
  }

  /** An optimiser step, each worker its part. The arrays are in shared memory. */
  async update(
    arrays: AdamWArrays,
    parts: readonly (readonly Stretch[])[],
    update: AdamWUpdate,
  ): Promise<void> {
    await Promise.all(
      parts.map((stretches, worker) => this.#ask(worker, { type: 'update', arrays, stretches, update })),
    );
  }

  /** What a worker answers; it is asked one thing at a time. */
  #ask<Type extends keyof Answers>(
    worker: number,
    message: Extract<ToWorker, { readonly type: Type }>,
  ): Promise<Extract<FromWorker, { type: Answers[Type] }>> {
    const { type } = message as { readonly type: Type };
    return new Promise((resolve, reject) => {
      if (this.#gone) return reject(this.#gone);
      this.#failures[worker] = reject;
      this.#listeners[worker] = (reply) => {
        // A sampling run that was given up may still have something to say.
        if (reply.type === ANSWERS[type]) resolve(reply as never);
      };
      this.#workers[worker]?.postMessage(message);
    });
  }

  /** A thread has ended that nobody asked to: the other one must not wait for it, and nothing runs here any more. */
  #lose(error: Error): void {
    if (this.#closing || this.#gone) return;
    this.#gone = error;
    if (this.#turn) Turn.release(this.#turn);
    // Both threads' is one where they work on one run.
    for (const fail of new Set(this.#failures)) fail(error);
  }

  /** Sample every request; each result comes as its sequence ends. Prompts of about one length go together, whatever the order of
   * the requests: they are padded to the longest; and so do those that begin alike, where they are cut. `capacity` bounds prompt plus
   * completion of each. `token` hears of each token of a request that watches and may end its sequence with that one, by the answer
   * true. */
  async *sample(
    requests: readonly SampleRequest[],
    capacity: number,
    {
      signal,
      token,
    }: {
      readonly signal?: AbortSignal | undefined;
      readonly token?: ((chosen: ChosenToken) => boolean) | undefined;
    } = {},
  ): AsyncGenerator<Sample> {
    if (this.#gone) throw this.#gone;
    const run = ++this.#runs;
    const waiting = new Waiting(requests, this.#workers.length);
    const finished: Sample[] = [];
    let running = this.#workers.length;
    let failure: Error | null = null;
    let wake = () => {};
    const tell = (worker: number, message: ToWorker) => this.#workers[worker]?.postMessage(message);

    /** What was told so far of those that watch; null: it was ended from here. */
    const watched = new Map<number, ChosenToken[] | null>();
    const hear = (worker: number, chosen: ChosenToken) => {
      const { index } = chosen;
      const told = watched.get(index) ?? [];
      // What was chosen before the worker heard of the end.
      if (watched.get(index) === null) return;
      told.push(chosen);
      watched.set(index, told);
      if (!token?.(chosen)) return;
      watched.set(index, null);
      tell(worker, { type: 'drop', run, indices: [index] });
      finished.push(ended(told));
    };
    const done = (sample: Sample) => {
      const told = watched.get(sample.index);
      watched.delete(sample.index);
      if (told !== null) finished.push(sample);
    };
    const feed = (worker: number) => {
      tell(worker, { type: 'requests', run, requests: waiting.take(worker, CHUNK) });
    };
    for (const i of this.#workers.keys()) {
      this.#failures[i] = (error) => {
        failure = error;
        wake();
      };
      this.#listeners[i] = (message) => {
        if (!('run' in message) || message.run !== run) return;
        if (message.type === 'hungry') feed(i);
        else if (message.type === 'tokens') for (const chosen of message.tokens) hear(i, chosen);
        else if (message.type === 'samples') for (const sample of message.samples) done(sample);
        else running--;
        wake();
      };
      tell(i, { type: 'sample', run, capacity, live: false });
    }
    const stop = () => wake();
    signal?.addEventListener('abort', stop);
    try {
      for (;;) {
        if (failure) throw failure;
        while (finished.length > 0) yield finished.shift() as Sample;
        if (running === 0 || signal?.aborted) return;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      signal?.removeEventListener('abort', stop);
      for (const i of this.#workers.keys()) if (running > 0) tell(i, { type: 'cancel', run });
    }
  }

  /** Start sampling requests that come and go while others run; see LiveRun. `capacity` bounds prompt plus completion. */
  live(capacity: number, events: LiveEvents): LiveRun {
    const run = ++this.#runs;
    const tell = (worker: number, message: ToWorker) => this.#workers[worker]?.postMessage(message);
    /** Requests in flight by index, with their worker. */
    const workers = new Map<number, number>();
    const load = this.#workers.map(() => 0);
    const forget = (index: number) => {
      const worker = workers.get(index);
      if (worker === undefined) return undefined;
      workers.delete(index);
      load[worker] = (load[worker] as number) - 1;
      return worker;
    };
    const fail = (error: Error) => events.failed(error);
    for (const i of this.#workers.keys()) {
      this.#failures[i] = fail;
      this.#listeners[i] = (message) => {
        if (!('run' in message) || message.run !== run) return;
        if (message.type === 'tokens') {
          for (const chosen of message.tokens) if (workers.has(chosen.index)) events.token(chosen);
        } else if (message.type === 'samples') {
          for (const sample of message.samples) if (forget(sample.index) !== undefined) events.done(sample);
        }
      };
      tell(i, { type: 'sample', run, capacity, live: true });
    }
    if (this.#gone) events.failed(this.#gone);
    return {
      add: (requests) => {
        if (requests.length === 0) return;
        const worker = load.indexOf(Math.min(...load));
        load[worker] = (load[worker] as number) + requests.length;
        for (const { index } of requests) workers.set(index, worker);
        tell(worker, { type: 'requests', run, requests });
      },
      drop: (indices) => {
        for (const index of indices) {
          const worker = forget(index);
          if (worker !== undefined) tell(worker, { type: 'drop', run, indices: [index] });
        }
      },
      end: () => {
        for (const i of this.#workers.keys()) tell(i, { type: 'cancel', run });
      },
    };
  }

  /** Ends the threads. They end by themselves: to terminate one inside a call of the runtime aborts the whole process. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(
      this.#workers.map(async (worker) => {
        if (worker.threadId === -1) return;
        const ended = new Promise((resolve) => worker.once('exit', resolve));
        worker.postMessage({ type: 'close' } satisfies ToWorker);
        await ended;
      }),
    );
  }
}

/** The sample of a sequence that was ended by who watched it. */
function ended(told: readonly ChosenToken[]): Sample {
  const logprobs = told.flatMap((chosen) => (chosen.logprobs ? [chosen.logprobs] : []));
  const kept = logprobs.length > 0 ? { logprobs } : {};
  const { index = 0, cachedTokens } = told[0] ?? {};
  return {
    index,
    tokens: told.map(({ token }) => token),
    finishReason: 'stop',
    ...kept,
    ...(cachedTokens === undefined ? {} : { cachedTokens }),
  };
}

/** Threads of the runtime for each of so many workers. */
function threadsOf(workers: number): number {
  return Math.max(1, Math.floor(availableParallelism() / workers));
}
