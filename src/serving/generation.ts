import type { Parameters } from '../engine/llama/parameters.ts';
import { type LiveRun, type Pool, WORKERS } from '../engine/parallel/pool.ts';
import type { ChosenToken, Sample, SampleRequest } from '../engine/sampling/sample.ts';
import { StopTexts, TextStream } from '../model/local/text-stream.ts';
import type { Tokenizer } from '../model/local/tokenizer.ts';
import { ApiError, overloaded } from './api-error.ts';

/** How every choice of a request is sampled. */
export interface Sampling {
  /** Choices for each prompt; child i has the seed `seed` + i, as with vLLM. */
  readonly n: number;
  readonly seed: number;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly stop: readonly string[];
  /** Log-probabilities of the chosen and of so many of the likeliest tokens; null: none. */
  readonly logprobs: number | null;
  /** Text as it comes, rather than all at once. */
  readonly stream: boolean;
}

/** What is new of one choice. */
export interface Delta {
  /** Prompt p's choice i is number p·n + i. */
  readonly choice: number;
  readonly text: string;
  /** Sampled tokens that this stands for, an end token included. */
  readonly count: number;
  /** Those tokens, where log-probabilities are wanted. */
  readonly tokens: readonly ChosenToken[];
  readonly finishReason: 'stop' | 'length' | null;
}

export interface Limits {
  /** Prompt plus completion, in tokens. */
  readonly context: number;
  /** Sequences sampled at a time by each worker. */
  readonly slots: number;
  /** Sequences that may wait for a slot. */
  readonly queue: number;
}

/** Siblings that are sampled by one worker, so that their prompt's cache is computed once. */
const SIBLINGS = 8;

interface Listener {
  token(chosen: ChosenToken): void;
  done(sample: Sample): void;
  failed(error: Error): void;
}

/** One checkpoint that answers requests as they come, all of them in one running batch. */
export class Generator {
  readonly limits: Limits;
  readonly #tokenizer: Tokenizer;
  readonly #stopIds: readonly number[];
  readonly #run: LiveRun;
  readonly #listeners = new Map<number, Listener>();
  #next = 0;
  #failure: Error | null = null;

  /** `failed` hears of a worker's end; nothing can be generated any more. */
  constructor(
    pool: Pool,
    parameters: Parameters,
    tokenizer: Tokenizer,
    limits: Limits,
    failed: (error: Error) => void = () => {},
  ) {
    this.limits = limits;
    this.#tokenizer = tokenizer;
    this.#stopIds = parameters.config.eosTokenIds;
    pool.load(parameters, { slots: limits.slots });
    this.#run = pool.live(limits.context, {
      token: (chosen) => this.#listeners.get(chosen.index)?.token(chosen),
      done: (sample) => {
        const listener = this.#listeners.get(sample.index);
        this.#listeners.delete(sample.index);
        listener?.done(sample);
      },
      failed: (error) => {
        this.#failure = error;
        for (const listener of this.#listeners.values()) listener.failed(error);
        failed(error);
      },
    });
  }

  get failed(): boolean {
    return this.#failure !== null;
  }

  get running(): number {
    return Math.min(this.#listeners.size, this.limits.slots * WORKERS);
  }

  get waiting(): number {
    return this.#listeners.size - this.running;
  }

  /** Sample n choices for each prompt; each choice's last delta has its finish reason. Yields what a step brought. What is still running when the
   * caller leaves, or when the signal aborts, is given up. Throws ApiError when too many sequences wait. */
  async *generate(
    prompts: readonly (readonly number[])[],
    sampling: Sampling,
    signal: AbortSignal,
  ): AsyncGenerator<readonly Delta[]> {
    signal.throwIfAborted();
    if (this.#failure) throw engineFailure();
    const { n, seed, maxTokens, temperature, topP, logprobs } = sampling;
    const room = this.limits.slots * WORKERS + this.limits.queue - this.#listeners.size;
    if (prompts.length * n > room) throw overloaded(this.waiting);

    const deltas: Delta[] = [];
    let failure: unknown = null;
    let wake = () => {};
    const fail = (error: unknown) => {
      failure ??= error;
      wake();
    };
    const stop = () => fail(signal.reason);
    signal.addEventListener('abort', stop);
    const indices: number[] = [];
    let running = prompts.length * n;

    // Without these a request is told of nothing but its end.
    const watches = sampling.stream || sampling.stop.length > 0 || logprobs !== null;
    const watch = watches ? { watch: { logprobs } } : {};
    const request = (prompt: readonly number[], choice: number): SampleRequest => {
      const index = this.#next++;
      indices.push(index);
      const progress = new Choice(this.#tokenizer, this.#stopIds, sampling, watches);
      const tell = (part: Omit<Delta, 'choice'> | null) => {
        if (!part) return;
        deltas.push({ choice, ...part });
        if (part.finishReason !== null) {
          running--;
          this.#drop([index]);
        }
        wake();
      };
      this.#listeners.set(index, {
        token: (chosen) => tell(progress.token(chosen)),
        done: (sample) => tell(progress.end(sample)),
        failed: () => fail(engineFailure()),
      });
      const child = seed + (choice % n);
      return { index, prompt, maxTokens, temperature, topP, seed: child, stopIds: this.#stopIds, ...watch };
    };
    try {
      for (const [p, prompt] of prompts.entries()) {
        for (let first = 0; first < n; first += SIBLINGS) {
          const siblings = Math.min(SIBLINGS, n - first);
          this.#run.add(Array.from({ length: siblings }, (_, i) => request(prompt, p * n + first + i)));
        }
      }
      for (;;) {
        if (failure !== null) throw failure;
        if (deltas.length > 0) yield deltas.splice(0);
        if (running === 0 && deltas.length === 0) return;
        if (deltas.length > 0 || failure !== null) continue;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      signal.removeEventListener('abort', stop);
      this.#drop(indices);
    }
  }

  #drop(indices: readonly number[]): void {
    const running = indices.filter((index) => this.#listeners.delete(index));
    if (running.length > 0) this.#run.drop(running);
  }

  end(): void {
    this.#run.end();
  }
}

const engineFailure = () =>
  new ApiError(500, 'the engine has stopped; the server has to be started again', { code: 'engine_failed' });

/** One choice in progress. */
class Choice {
  readonly #tokenizer: Tokenizer;
  readonly #stopIds: readonly number[];
  readonly #sampling: Sampling;
  readonly #watches: boolean;
  readonly #text: TextStream;
  readonly #stops: StopTexts;
  /** What was not told yet. */
  #pending = '';
  #tokens: ChosenToken[] = [];
  #count = 0;

  constructor(tokenizer: Tokenizer, stopIds: readonly number[], sampling: Sampling, watches: boolean) {
    this.#tokenizer = tokenizer;
    this.#stopIds = stopIds;
    this.#sampling = sampling;
    this.#watches = watches;
    this.#text = new TextStream(tokenizer);
    this.#stops = new StopTexts(sampling.stop);
  }

  /** A token of a choice that watches; null: nothing to tell yet. */
  token(chosen: ChosenToken): Omit<Delta, 'choice'> | null {
    this.#count++;
    if (chosen.logprobs) this.#tokens.push(chosen);
    if (!this.#stopIds.includes(chosen.token))
      this.#pending += this.#stops.push(this.#text.push(chosen.token));
    if (this.#stops.found) return this.#take('stop');
    const news = this.#sampling.stream && (this.#pending !== '' || this.#tokens.length > 0);
    return news ? this.#take(null) : null;
  }

  end({ tokens, finishReason }: Sample): Omit<Delta, 'choice'> {
    if (this.#watches) {
      this.#pending += this.#stops.push(this.#text.end());
      this.#pending += this.#stops.end();
      return this.#take(this.#stops.found ? 'stop' : finishReason);
    }
    const body = finishReason === 'stop' ? tokens.slice(0, -1) : tokens;
    return { text: this.#tokenizer.decode(body), count: tokens.length, tokens: [], finishReason };
  }

  #take(finishReason: Delta['finishReason']): Omit<Delta, 'choice'> {
    const part = { text: this.#pending, count: this.#count, tokens: this.#tokens, finishReason };
    this.#pending = '';
    this.#tokens = [];
    this.#count = 0;
    return part;
  }
}
