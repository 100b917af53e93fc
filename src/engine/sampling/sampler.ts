import type { InferenceSession } from 'onnxruntime-node';
import type { Device } from '../device.ts';
import { continuationGraph } from '../llama/continuation.ts';
import { decodeGraph, prefillGraph } from '../llama/inference.ts';
import { Int8Weights } from '../llama/int8.ts';
import { windowOf } from '../llama/layers.ts';
import type { Parameters } from '../llama/parameters.ts';
import type { Quantization } from '../quantization.ts';
import { loadGraph, shapeFeeds, tensor, weightFeeds } from '../session.ts';
import { Beginnings } from './beginnings.ts';
import { chooseToken } from './choose.ts';
import { type CutPrompt, cachedTokens, prefillCut } from './continuation.ts';
import { KeyValueCache } from './key-value-cache.ts';
import { type TokenLogprob, tokenLogprobs } from './logprobs.ts';
import { type Prefilled, prefill } from './prefill.ts';
import { type PromptGroup, PromptGroups } from './prompt-groups.ts';
import { type Random, sequenceRandom } from './random.ts';
import type { ChosenToken, Sample, SampleRequest } from './sample.ts';
import { stretchesOf } from './stretches.ts';

/** Prompts taken and computed at a time: their caches wait for free slots. */
const PROMPTS = 8;
/** Nor more tokens of them than this and a prompt: some seconds of a model of a hundred million weights. */
const PROMPT_TOKENS = 2048;

/** A prompt whose cache is computed, and the requests that wait for a slot to continue it. */
interface Ready extends Prefilled {
  readonly waiting: SampleRequest[];
  /** That those of it which have a slot have joined last. */
  group?: PromptGroup;
}

/** Who follows a run: hears of tokens, gives requests up, and may have it wait for more. */
export interface Live {
  token(chosen: ChosenToken): void;
  /** The requests given up since the last call; their slots are free for the next step. */
  dropped(): ReadonlySet<number>;
  /** After each step. */
  stepped(): void;
  /** Nothing is running: resolves when there is something to take, false when the run is to end. */
  idle(): Promise<boolean>;
}

interface Active {
  readonly request: SampleRequest;
  readonly cachedTokens: number | undefined;
  readonly next: Random;
  readonly tokens: number[];
  readonly logprobs: (readonly TokenLogprob[])[];
}

/** The slots of a step are a multiple of this, and so never one: the runtime multiplies a single row by other means, which
 * round differently. Otherwise a row's arithmetic does not depend on how many there are. */
const SLOT_STEP = 4;

/** Up to so many weights the decoding graph has its own copy of them: on every worker, so larger models go without. */
const PACKED = 64e6;

/** Of prompts' beginnings, on each worker. */
const BEGINNINGS = 640e6;

export interface SamplerOptions {
  readonly slots?: number;
  readonly threads?: number;
  readonly device?: Device;
  readonly quantization?: Quantization | undefined;
  /** Bytes of prompts' beginnings that are kept. */
  readonly beginnings?: number;
}

/** Continuous batching on one thread: up to `slots` sequences take each step together; one that ends leaves at once and the
 * next takes its place. Requests with the same prompt share its prefill, and those whose prompts begin alike the
 * beginning's, where they are cut there. A sequence's text does not depend on its company, nor on what was computed before. The
 * weights are those of the first run. */
export class Sampler {
  readonly #parameters: Parameters;
  readonly #slots: number;
  readonly #threads: number;
  readonly #device: Device;
  readonly #quantization: Quantization | undefined;
  readonly #sessions = new Map<string, Promise<InferenceSession>>();
  readonly #beginnings: Beginnings;

  constructor(
    parameters: Parameters,
    { slots = 32, threads = 1, device = 'cpu', quantization, beginnings = BEGINNINGS }: SamplerOptions = {},
  ) {
    this.#beginnings = new Beginnings(beginnings);
    this.#parameters = parameters;
    this.#slots = Math.ceil(slots / SLOT_STEP) * SLOT_STEP;
    this.#threads = threads;
    this.#device = device;
    this.#quantization = quantization;
  }

  /** `take` hands over the next request (undefined: none at the moment); `capacity` bounds prompt plus completion,
   * and so do the positions that the model knows. */
  async run(
    take: () => SampleRequest | undefined,
    capacity: number,
    done: (sample: Sample) => void,
    cancelled: () => boolean = () => false,
    live?: Live,
  ): Promise<void> {
    const { config } = this.#parameters;
    const { vocabSize } = config;
    const slots = this.#slots;
    const limit = Math.min(capacity, config.maxPositionEmbeddings);
    const session = await this.#session('decode', limit);
    const weights = weightFeeds(session, this.#parameters);
    const groups = new PromptGroups(config, slots);
    /** Of what the sequences have written. */
    const cache = new KeyValueCache(config, slots, windowOf(config));
    const ids = new BigInt64Array(slots);
    const at = new BigInt64Array(slots);
    /** By slot, without gaps. */
    const active: Active[] = [];
    const ready: Ready[] = [];

    /** Choose and record the next token; true when the sequence has ended. */
    const extend = (sequence: Active, row: Float32Array): boolean => {
      const { request, tokens, cachedTokens } = sequence;
      const found = cachedTokens === undefined ? {} : { cachedTokens };
      const { index, logprobs: count, watch } = request;
      const token = chooseToken(row, request.temperature, request.topP, sequence.next);
      tokens.push(token);
      if (count !== undefined) sequence.logprobs.push(tokenLogprobs(row, token, count));
      if (watch && live) {
        const logprobs =
          watch.logprobs === null ? {} : { logprobs: tokenLogprobs(row, token, watch.logprobs) };
        live.token({ index, token, ...logprobs, ...(tokens.length === 1 ? found : {}) });
      }
      const stopped = request.stopIds.includes(token);
      const full = request.prompt.length + tokens.length >= limit;
      if (!stopped && tokens.length < request.maxTokens && !full) return false;
      const kept = count === undefined ? {} : { logprobs: sequence.logprobs };
      done({ index, tokens, finishReason: stopped ? 'stop' : 'length', ...kept, ...found });
      return true;
    };

    /** Free a slot: the last sequence moves into the gap. */
    const leave = (slot: number): void => {
      const mover = active.pop() as Active;
      groups.leave(slot);
      if (slot === active.length) {
        cache.clear(slot);
        return;
      }
      cache.move(active.length, slot);
      groups.move(active.length, slot);
      active[slot] = mover;
    };

    const drop = (given: ReadonlySet<number>): void => {
      for (const [slot, { request }] of [...active.entries()].reverse())
        if (given.has(request.index)) leave(slot);
      for (const [i, prefilled] of [...ready.entries()].reverse()) {
        const waiting = prefilled.waiting.filter(({ index }) => !given.has(index));
        if (waiting.length === 0) ready.splice(i, 1);
        else ready[i] = { ...prefilled, waiting };
      }
    };

    while (!cancelled()) {
      const given = live?.dropped();
      if (given && given.size > 0) drop(given);
      // Prompts of a large model take seconds: an abort does not wait for all of them.
      while (active.length < slots && !cancelled()) {
        if (ready.length === 0) ready.push(...(await this.#prefill(take, limit, done)));
        const [first] = ready;
        if (!first) break;
        const request = first.waiting.shift() as SampleRequest;
        if (first.waiting.length === 0) ready.shift();
        const { cachedTokens } = first;
        const next = sequenceRandom(request.seed);
        const sequence: Active = { request, cachedTokens, next, tokens: [], logprobs: [] };
        if (extend(sequence, first.logits)) continue;
        first.group = groups.join(first.group, first.cache, active.push(sequence) - 1);
      }
      if (active.length === 0) {
        if (await live?.idle()) continue;
        return;
      }

      let longest = 0;
      for (const [slot, { tokens }] of active.entries()) {
        ids[slot] = BigInt(tokens.at(-1) as number);
        at[slot] = BigInt(groups.promptLength(slot) + cache.length(slot));
        longest = Math.max(longest, cache.length(slot));
      }
      cache.reserve(longest + 1);
      const count = Math.ceil(active.length / SLOT_STEP) * SLOT_STEP;
      const prompts = groups.feeds(count, at);
      const outputs = await session.run({
        ...weights,
        ...shapeFeeds(session, { S: count, C: cache.capacity, ...prompts.symbols }),
        ...cache.feeds('', count),
        ...prompts.feeds,
        ids: tensor('int64', ids.subarray(0, count), [count]),
        positions: tensor('int64', at.subarray(0, count), [count, 1]),
      });
      const logits = outputs.logits?.data as Float32Array;
      const fresh = outputs.fresh?.data as Float32Array;
      const ended: number[] = [];
      for (const [slot, sequence] of active.entries()) {
        cache.append(slot, fresh, count);
        if (extend(sequence, logits.subarray(slot * vocabSize, (slot + 1) * vocabSize))) ended.push(slot);
      }
      // From the last to the first: what moves into a gap is still running.
      for (const slot of ended.reverse()) leave(slot);
      live?.stepped();
    }
  }

  /** Take requests until PROMPTS different prompts are there (or a slot's worth of requests), and compute their caches. */
  async #prefill(
    take: () => SampleRequest | undefined,
    limit: number,
    done: (sample: Sample) => void,
  ): Promise<Ready[]> {
    const groups = new Map<string, SampleRequest[]>();
    let [taken, tokens] = [0, 0];
    while (groups.size < PROMPTS && taken < this.#slots && tokens < PROMPT_TOKENS) {
      const request = take();
      if (!request) break;
      if (request.prompt.length >= limit) {
        done({ index: request.index, tokens: [], finishReason: 'length' });
        continue;
      }
      taken++;
      const { prompt, cuts = [] } = request;
      const key = `${prompt.join()} ${cuts.join()}`;
      const group = groups.get(key);
      if (group) group.push(request);
      else {
        groups.set(key, [request]);
        tokens += prompt.length;
        if (cuts.length > 0) tokens -= cachedTokens(stretchesOf(prompt, cuts), this.#beginnings);
      }
    }
    const [whole, cut]: [SampleRequest[][], SampleRequest[][]] = [[], []];
    for (const waiting of groups.values()) (waiting[0]?.cuts?.length ? cut : whole).push(waiting);
    const ready = (waiting: readonly SampleRequest[][], results: readonly Prefilled[]) =>
      results.map((result, i): Ready => ({ ...result, waiting: waiting[i] as SampleRequest[] }));
    const out: Ready[] = [];
    if (whole.length > 0) {
      const prompts = whole.map(([first]) => (first as SampleRequest).prompt);
      const session = await this.#session('prefill', limit);
      out.push(...ready(whole, await prefill(session, this.#parameters, prompts)));
    }
    if (cut.length > 0) {
      const prompts = cut.map(([first]) => first as CutPrompt);
      const session = await this.#session('continue', limit);
      out.push(...ready(cut, await prefillCut(session, this.#parameters, prompts, this.#beginnings)));
    }
    return out;
  }

  /** The graph for sequences of up to `limit` tokens, padding included; a power of two, so that there are few. */
  #session(kind: 'prefill' | 'continue' | 'decode', limit: number): Promise<InferenceSession> {
    const positions = 2 ** Math.ceil(Math.log2(Math.max(limit, 256)));
    const key = `${kind} ${positions}`;
    let session = this.#sessions.get(key);
    if (!session) {
      const { config } = this.#parameters;
      // Rounded again for each graph: to keep them would be a second copy.
      const int8 = this.#quantization && new Int8Weights(this.#parameters);
      const float32 = this.#packed ? this.#parameters : undefined;
      const graph = {
        prefill: () => prefillGraph(config, positions, { int8 }),
        continue: () => continuationGraph(config, positions, { int8 }),
        decode: () => decodeGraph(config, positions, { int8, float32 }),
      }[kind]();
      // Of what continues, hardly two shapes are alike.
      const memoryPattern = kind !== 'continue';
      session = loadGraph(graph, this.#threads, { device: this.#device, memoryPattern });
      this.#sessions.set(key, session);
    }
    return session;
  }

  get #packed(): boolean {
    return this.#device === 'cpu' && this.#parameters.flat.length <= PACKED;
  }

  /** Frees the memory of what was kept of prompts. */
  forget(): void {
    this.#beginnings.clear();
  }

  /** Frees the runtime's memory. The next run takes the weights as they are then. */
  async close(): Promise<void> {
    this.forget();
    for (const session of this.#sessions.values()) await (await session).release();
    this.#sessions.clear();
  }
}
