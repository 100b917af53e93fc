import { revision } from '../engine/llama/checkpoint.ts';
import type { Parameters } from '../engine/llama/parameters.ts';
import type { Pool } from '../engine/parallel/pool.ts';
import { INT8_WEIGHTS } from '../engine/quantization.ts';
import type { TokenLogprob as IdLogprob } from '../engine/sampling/logprobs.ts';
import type { Sample, SampleRequest } from '../engine/sampling/sampler.ts';
import { EvalPlannerError } from '../errors.ts';
import type { GenerateRequest, Generation, Model, Requests, TokenLogprob } from '../model.ts';
import type { Tokenizer } from './local/tokenizer.ts';

/** Requests looked at together: their longest decides how much cache a sequence gets. */
const CHUNK = 4096;

interface Prepared {
  readonly request: GenerateRequest;
  readonly ids: readonly number[];
  /** Token ids that end the completion. */
  readonly ends: readonly number[];
}

/** A pool samples for one call at a time; the others wait, and pull no request until it is their turn. */
const turns = new WeakMap<Pool, Promise<void>>();

/** A model that runs in this process. The pool is shared with training and stays open. */
export class EmbeddedModel implements Model {
  readonly revision: string;
  /** What it was asked so far: `foreign` prompts have words that its vocabulary lacks. */
  readonly asked = { prompts: 0, foreign: 0 };
  readonly #pool: Pool;
  readonly #parameters: Parameters;
  readonly #tokenizer: Tokenizer;

  constructor(pool: Pool, parameters: Parameters, tokenizer: Tokenizer) {
    this.revision = sampledRevision(pool, parameters);
    this.#pool = pool;
    this.#parameters = parameters;
    this.#tokenizer = tokenizer;
  }

  async *generate(requests: Requests, signal?: AbortSignal): AsyncGenerator<Generation> {
    const before = turns.get(this.#pool);
    const { promise, resolve: done } = Promise.withResolvers<void>();
    turns.set(this.#pool, promise);
    await before;
    try {
      yield* this.#sample(requests, signal);
    } finally {
      done();
    }
  }

  async *#sample(requests: Requests, signal?: AbortSignal): AsyncGenerator<Generation> {
    this.#pool.load(this.#parameters);
    const context = this.#parameters.config.maxPositionEmbeddings;
    const source =
      Symbol.asyncIterator in requests ? requests[Symbol.asyncIterator]() : requests[Symbol.iterator]();
    for (;;) {
      const chunk: Prepared[] = [];
      while (chunk.length < CHUNK && !signal?.aborted) {
        const { value, done } = await source.next();
        if (done) break;
        const ids = this.#tokenizer.start(value.prompt);
        this.asked.prompts++;
        if (this.#tokenizer.foreign(ids)) this.asked.foreign++;
        const unfit = whyUnfit(ids.length, context);
        if (unfit === null) chunk.push(this.#prepare(value, ids));
        else yield failed(value, unfit);
      }
      if (chunk.length === 0 || signal?.aborted) return;
      const capacity = Math.max(...chunk.map(({ ids, request }) => ids.length + request.maxTokens));
      const samples = chunk.map(({ ids, ends, request }, index): SampleRequest => {
        const { maxTokens, temperature, topP, seed, logprobs } = request;
        const kept = logprobs === undefined ? {} : { logprobs };
        return { index, prompt: ids, maxTokens, temperature, topP, seed, stopIds: ends, ...kept };
      });
      for await (const sample of this.#pool.sample(samples, capacity, signal)) {
        yield this.#generation(sample, chunk[sample.index] as Prepared);
      }
    }
  }

  #prepare(request: GenerateRequest, ids: readonly number[]): Prepared {
    const ends = (request.stop ?? []).map((text) => {
      const id = this.#tokenizer.id(text);
      if (id !== undefined) return id;
      const message = `the stop text ${JSON.stringify(text)} is not one token of this model`;
      throw new EvalPlannerError('model', message, 'use a stop text that is a token of its vocabulary');
    });
    return { request, ids, ends: [...this.#parameters.config.eosTokenIds, ...ends] };
  }

  #generation({ tokens, finishReason, logprobs }: Sample, { request, ids }: Prepared): Generation {
    const body = finishReason === 'stop' ? tokens.slice(0, -1) : tokens;
    return {
      key: request.key,
      text: this.#tokenizer.decode(body),
      finishReason,
      promptTokens: ids.length,
      completionTokens: tokens.length,
      ...(logprobs ? { logprobs: logprobs.slice(0, body.length).map((row) => this.#named(row)) } : {}),
    };
  }

  /** The chosen token and the likeliest ones, by what they stand for. */
  #named([chosen, ...top]: readonly IdLogprob[]): TokenLogprob {
    const named = ({ token, logprob }: IdLogprob) => ({
      token: new TextDecoder().decode(this.#tokenizer.bytes(token)),
      logprob,
    });
    return { ...named(chosen as IdLogprob), top: top.map(named) };
  }

  async close(): Promise<void> {}
}

/** Names what a text was written by: the same weights in 8 bits write other ones. Throws EvalPlannerError (`model`) for weights
 * that are too many for 8 bits. */
export function sampledRevision({ quantization }: Pool, parameters: Parameters): string {
  if (quantization === undefined) return revision(parameters);
  if (parameters.flat.length > INT8_WEIGHTS)
    throw new EvalPlannerError(
      'model',
      `the model has ${parameters.flat.length} weights, and ${quantization} takes ${INT8_WEIGHTS} at most`,
      'leave out the quantization',
    );
  return `${revision(parameters)}-${quantization}`;
}

/** Why a prompt cannot be answered; null where it can. */
function whyUnfit(length: number, context: number): string | null {
  if (length === 0) return 'the prompt is empty, and this model puts nothing before it to go on from';
  if (length < context) return null;
  return `the prompt has ${length} tokens, and this model reads ${context} with its answer`;
}

/** A prompt that cannot be answered fails by itself: the others of its batch are answered. */
function failed({ key }: GenerateRequest, error: string): Generation {
  const nothing = { text: '', promptTokens: 0, completionTokens: 0 };
  return { key, ...nothing, finishReason: 'error', error, permanent: true };
}
