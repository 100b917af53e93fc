import { revision } from '../engine/llama/checkpoint.ts';
import type { Parameters } from '../engine/llama/parameters.ts';
import type { Pool } from '../engine/parallel/pool.ts';
import { INT8_WEIGHTS } from '../engine/quantization.ts';
import type { TokenLogprob as IdLogprob } from '../engine/sampling/logprobs.ts';
import type { ChosenToken, Sample, SampleRequest } from '../engine/sampling/sample.ts';
import { EvalPlannerError } from '../errors.ts';
import { key } from '../key.ts';
import type {
  GenerateOptions,
  GenerateRequest,
  Generation,
  Model,
  Requests,
  TokenLogprob,
} from '../model.ts';
import { type Rendering, rendering } from './local/rendering.ts';
import { SharedBeginnings } from './local/shared-beginnings.ts';
import { StopTexts, TextStream } from './local/text-stream.ts';
import type { Tokenizer } from './local/tokenizer.ts';

/** Requests looked at together: their longest decides how much cache a sequence gets. */
const CHUNK = 4096;
/** The same where prompts begin alike: what goes on from one is then asked for while its beginning is still kept. */
const CUT_CHUNK = 64;

interface Prepared {
  readonly request: GenerateRequest;
  readonly ids: readonly number[];
  /** See SampleRequest. */
  readonly cuts: readonly number[];
  /** Token ids that end the completion. */
  readonly ends: readonly number[];
  /** Texts that do. */
  readonly stops: readonly string[];
  /** The last token of a prefill: the text goes on from it. */
  readonly before: readonly number[];
  /** What is known of it while it is written, where somebody wants to. */
  readonly writing: Writing | null;
}

/** A pool samples for one call at a time; the others wait, and pull no request until it is their turn. */
const turns = new WeakMap<Pool, Promise<void>>();

/** A model that runs in this process. The pool is shared with training and stays open. */
export class EmbeddedModel implements Model {
  readonly revision: string;
  readonly chat: boolean;
  /** What it was asked so far: `foreign` prompts have words that its vocabulary lacks. */
  readonly asked = { prompts: 0, foreign: 0 };
  readonly #pool: Pool;
  readonly #parameters: Parameters;
  readonly prefills = true;
  readonly #tokenizer: Tokenizer;
  readonly #rendering: Rendering;
  readonly #beginnings: SharedBeginnings;

  /** `files`: the tokenizer's, with the chat template if there is one (Checkpoint.files). */
  constructor(
    pool: Pool,
    parameters: Parameters,
    tokenizer: Tokenizer,
    files: Readonly<Record<string, string>> = {},
  ) {
    this.#rendering = rendering(files, tokenizer);
    this.#beginnings = new SharedBeginnings(this.#rendering);
    const [weights, shown] = [sampledRevision(pool, parameters), this.#rendering.revision];
    this.revision = key({ weights, shown }).slice(0, 16);
    this.chat = this.#rendering.chat;
    this.#pool = pool;
    this.#parameters = parameters;
    this.#tokenizer = tokenizer;
  }

  async *generate(requests: Requests, options: GenerateOptions = {}): AsyncGenerator<Generation> {
    const before = turns.get(this.#pool);
    const { promise, resolve: done } = Promise.withResolvers<void>();
    turns.set(this.#pool, promise);
    await before;
    try {
      yield* this.#sample(requests, options);
    } finally {
      done();
    }
  }

  async *#sample(requests: Requests, { signal, onDelta }: GenerateOptions): AsyncGenerator<Generation> {
    this.#pool.load(this.#parameters);
    const context = this.#parameters.config.maxPositionEmbeddings;
    const source =
      Symbol.asyncIterator in requests ? requests[Symbol.asyncIterator]() : requests[Symbol.iterator]();
    for (;;) {
      const chunk: Prepared[] = [];
      let most = CHUNK;
      while (chunk.length < most && !signal?.aborted) {
        const { value, done } = await source.next();
        if (done) break;
        const { ids } = this.#rendering.render(value.prompt);
        this.asked.prompts++;
        if (this.#tokenizer.foreign(ids)) this.asked.foreign++;
        const unfit = whyUnfit(ids.length, context);
        if (unfit === null) {
          const prepared = this.#prepare(value, ids, onDelta !== undefined);
          if (prepared.cuts.length > 0) most = CUT_CHUNK;
          chunk.push(prepared);
        } else yield failed(value, unfit);
      }
      if (chunk.length === 0 || signal?.aborted) return;
      const capacity = Math.max(...chunk.map(({ ids, request }) => ids.length + request.maxTokens));
      const samples = chunk.map(({ ids, cuts, ends, request, writing }, index): SampleRequest => {
        const { maxTokens, temperature, topP, seed, logprobs } = request;
        const count = logprobs === undefined ? {} : { logprobs };
        const kept = writing ? { watch: { logprobs: logprobs ?? null } } : count;
        const cut = cuts.length === 0 ? {} : { cuts };
        return { index, prompt: ids, ...cut, maxTokens, temperature, topP, seed, stopIds: ends, ...kept };
      });
      const token = (chosen: ChosenToken) => {
        const { request, writing } = chunk[chosen.index] as Prepared & { writing: Writing };
        if (writing.push(chosen)) onDelta?.(request.key, writing.text);
        return writing.stopped;
      };
      for await (const sample of this.#pool.sample(samples, capacity, { signal, token })) {
        const generation = this.#generation(sample, chunk[sample.index] as Prepared);
        onDelta?.(generation.key, generation.text);
        yield generation;
      }
    }
  }

  /** An added token stands for itself in the vocabulary: the engine ends with it. Any other stop is looked for in the text. */
  #prepare(request: GenerateRequest, ids: readonly number[], heard: boolean): Prepared {
    const stops = request.stop ?? [];
    const added = stops.flatMap((text) => this.#tokenizer.added(text) ?? []);
    const ends = [...this.#parameters.config.eosTokenIds, ...added];
    const watches = heard || stops.some((text) => this.#tokenizer.added(text) === undefined);
    const before = request.prompt.prefill ? ids.slice(-1) : [];
    const cuts = this.#beginnings.cuts(request.prompt, ids);
    const prepared = { request, ids, cuts, ends, stops, before };
    return { ...prepared, writing: watches ? new Writing(this.#tokenizer, prepared) : null };
  }

  #generation(sample: Sample, prepared: Prepared): Generation {
    const { request, ids, stops, before, writing } = prepared;
    const { tokens, finishReason, cachedTokens = 0 } = sample;
    const cached = cachedTokens > 0 ? { cachedTokens } : {};
    const told = { key: request.key, promptTokens: ids.length, ...cached };
    const named = (rows: readonly (readonly IdLogprob[])[]) =>
      request.logprobs === undefined ? {} : { logprobs: rows.map((row) => this.#named(row)) };
    let written = writing;
    if (written === null) {
      const body = finishReason === 'stop' ? tokens.slice(0, -1) : tokens;
      const whole = this.#tokenizer.decode([...before, ...body]);
      const text = whole.slice(this.#tokenizer.decode(before).length);
      const rows = sample.logprobs?.slice(0, body.length) ?? [];
      if (!stops.some((stop) => text.includes(stop)))
        return { ...told, text, finishReason, completionTokens: tokens.length, ...named(rows) };
      // An added token that was spelled.
      written = new Writing(this.#tokenizer, prepared);
      for (const [i, token] of tokens.entries()) {
        if (written.stopped) break;
        const logprobs = sample.logprobs?.[i];
        written.push({ index: sample.index, token, ...(logprobs ? { logprobs } : {}) });
      }
    }
    written.end();
    const { text, stopped, count, rows } = written;
    return {
      ...told,
      text,
      finishReason: stopped ? 'stop' : finishReason,
      completionTokens: count,
      ...named(rows),
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

/** A completion while it is written. */
class Writing {
  readonly #ends: readonly number[];
  readonly #stream: TextStream;
  readonly #stops: StopTexts;
  /** Where each token's text begins, and its log-probabilities. */
  readonly #begins: number[] = [];
  readonly #logprobs: (readonly IdLogprob[])[] = [];
  /** Characters told by the tokenizer. */
  #length = 0;
  /** As far as it is certain. */
  text = '';
  /** Tokens that were sampled, the last one of a stop or of the end included. */
  count = 0;

  constructor(tokenizer: Tokenizer, { ends, stops, before }: Pick<Prepared, 'ends' | 'stops' | 'before'>) {
    this.#ends = ends;
    this.#stream = new TextStream(tokenizer, before);
    this.#stops = new StopTexts(stops);
  }

  /** Whether the text has grown. */
  push({ token, logprobs }: ChosenToken): boolean {
    this.count++;
    if (this.#ends.includes(token)) return false;
    this.#begins.push(this.#length);
    if (logprobs) this.#logprobs.push(logprobs);
    return this.#add(this.#stream.push(token));
  }

  end(): void {
    if (this.stopped) return;
    this.#add(this.#stream.end());
    this.text += this.#stops.end();
  }

  /** Whether a stop was found. */
  get stopped(): boolean {
    return this.#stops.found;
  }

  /** Of the tokens that brought some of the text. */
  get rows(): readonly (readonly IdLogprob[])[] {
    if (!this.stopped) return this.#logprobs;
    return this.#logprobs.filter((_, i) => (this.#begins[i] as number) < this.text.length);
  }

  #add(piece: string): boolean {
    this.#length += piece.length;
    const certain = this.#stops.push(piece);
    this.text += certain;
    return certain !== '';
  }
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
