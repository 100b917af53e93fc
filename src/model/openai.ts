import { EvalPlannerError } from '../errors.ts';
import type { GenerateRequest, Model } from '../model.ts';
import { wellFormed } from '../text/well-formed.ts';
import { StopTexts } from './local/text-stream.ts';
import { CallFailure } from './remote/call-failure.ts';
import type { Clock } from './remote/clock.ts';
import type { Job } from './remote/completion.ts';
import { httpFailure, insideFailure } from './remote/http-failure.ts';
import { Notes } from './remote/notes.ts';
import { type OpenAIClient, openClient } from './remote/openai-client.ts';
import {
  type BodyOptions,
  ErrorInside,
  filtered,
  isFiltered,
  type OpenAIApi,
  type PrefillForm,
  type ReadAnswer,
  readAnswer,
  requestBody,
} from './remote/openai-protocol.ts';
import { StreamedAnswer } from './remote/openai-stream.ts';
import { type CompletionEndpoint, type RemoteOptions, remoteModel } from './remote/remote.ts';
import { asItIs, type KeySource, readKey, redactor, secretValues } from './remote/secret.ts';
import {
  bothTerms,
  OPEN_TERMS,
  otherTerms,
  type Refusal,
  refusedSampling,
  samplingRemedy,
  type Terms,
} from './remote/terms.ts';
import { openTransport, type Transport } from './remote/transport.ts';

export interface OpenAICompatibleOptions extends RemoteOptions, KeySource {
  /** Up to and with its `/v1`; several addresses of the same model share the load. */
  readonly baseURL: string | readonly string[];
  readonly model: string;
  /** Default: `chat`. A judge that was trained on raw prompts wants `completions`. */
  readonly api?: OpenAIApi;
  /** The system message of a chat. */
  readonly system?: string;
  /** How a chat takes a beginning of the answer. Default: `prefix` at DeepSeek's and Mistral's own addresses, else `none`. */
  readonly prefill?: PrefillForm;
  /** Fields of the request beyond the protocol, for all calls: `{top_k: -1}`. One that is null is not sent: a model that samples by
   * its own temperature is asked with `{temperature: null}`. */
  readonly body?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Told once what a server made impossible, as a parameter that it refuses, and at the end what words of its were not known. */
  readonly notice?: (message: string) => void;
}

/** A model behind an OpenAI-style server: vLLM, SGLang, llama-server, Ollama, transformers serve, OpenAI and the like.
 * Nothing is contacted before the first request. Throws EvalPlannerError (`usage`). */
export function openaiCompatible(options: OpenAICompatibleOptions, clock?: Clock): Model {
  const { model, api = 'chat', system, body, headers = {}, revision } = options;
  const urls = [options.baseURL].flat().map(address);
  if (urls.length === 0) {
    throw new EvalPlannerError('usage', 'a model needs the address of a server', 'give its baseURL');
  }
  const key = readKey(options);
  const parameters = urls.flatMap((url) => [...new URL(url).searchParams]);
  // A server may repeat its address as it is.
  const encoded = parameters.map(([name, value]) => [name, encodeURIComponent(value)] as const);
  const named = [...Object.entries(headers), ...parameters, ...encoded];
  const redact = redactor(key, ...secretValues(named));
  let opened: Promise<Transport> | undefined;
  const client = async (url: string) => {
    opened ??= openTransport();
    return openClient(url, key, headers, await opened);
  };
  const prefill = options.prefill ?? documentedPrefill(urls);
  const seedField = urls.every((url) => RANDOM_SEED.test(url)) ? 'random_seed' : 'seed';
  const notes = new Notes(`${model} at ${urls.map(nameOf).join(' ')}`, options.notice);
  const asked = { ...options, api, prefill, seedField } as const;
  const terms = { ...OPEN_TERMS, countedLogprobs: urls.every((url) => COUNTED_LOGPROBS.test(url)) };
  const endpoints = urls.map((url) => new OpenAIEndpoint(url, client, redact, asked, terms, notes));
  const chat = api === 'chat';
  // What decides an answer: never the key, nor how calls are made.
  const place = revision ?? urls.toSorted().join(' ');
  const identity = ['openai', place, model, api, system ?? '', JSON.stringify(body ?? {})];
  if (chat) identity.push(prefill);
  return {
    ...remoteModel(identity, endpoints, { chat, prefills: !chat || prefill !== 'none' }, options, clock),
    close: async () => {
      notes.close();
      await (await opened)?.close();
    },
  };
}

/** https://api-docs.deepseek.com/guides/chat_prefix_completion, https://docs.mistral.ai/capabilities/completion/prefix */
const PREFIX = /^https:\/\/(?:api\.deepseek\.com\/beta|api\.mistral\.ai)(?:\/|$)/;

/** https://docs.together.ai/reference/chat-completions-1: a chat's `logprobs` is a number. */
const COUNTED_LOGPROBS = /^https:\/\/api\.together\.(?:xyz|ai)(?:\/|$)/;

/** https://docs.mistral.ai/api: it refuses fields that it does not know, `seed` among them. */
const RANDOM_SEED = /^https:\/\/api\.mistral\.ai(?:\/|$)/;

function documentedPrefill(urls: readonly string[]): PrefillForm {
  return urls.every((url) => PREFIX.test(url)) ? 'prefix' : 'none';
}

function address(baseURL: string): string {
  const url = URL.parse(baseURL);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new EvalPlannerError(
      'usage',
      `${JSON.stringify(baseURL)} is no address of a server`,
      'give one as http://127.0.0.1:8000/v1',
    );
  }
  if (url.username || url.password) {
    throw new EvalPlannerError(
      'usage',
      `the address of ${url.host} holds a user or password`,
      'give the key by an environment variable or a file',
    );
  }
  return url.href.replace(/\/+$/, '');
}

/** Without the query: some servers take a key there. */
function nameOf(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

class OpenAIEndpoint implements CompletionEndpoint {
  readonly name: string;
  readonly #baseURL: string;
  readonly #options: BodyOptions & Pick<OpenAICompatibleOptions, 'prices'>;
  readonly #notes: Notes;
  readonly #redact: (text: string) => string;
  readonly #open: (baseURL: string) => Promise<OpenAIClient>;
  #client: Promise<OpenAIClient> | undefined;
  #terms: Terms;

  constructor(
    baseURL: string,
    open: (baseURL: string) => Promise<OpenAIClient>,
    redact: (text: string) => string,
    options: BodyOptions & Pick<OpenAICompatibleOptions, 'prices'>,
    terms: Terms,
    notes: Notes,
  ) {
    this.name = nameOf(baseURL);
    this.#baseURL = baseURL;
    this.#open = open;
    this.#redact = redact;
    this.#options = options;
    this.#terms = terms;
    this.#notes = notes;
  }

  get takesN(): boolean {
    return this.#terms.several;
  }

  async call(job: Job, signal: AbortSignal): Promise<void> {
    this.#client ??= this.#open(this.#baseURL);
    const client = await this.#client;
    while (job.completions.length < job.requests.length) {
      const had = job.completions.length;
      const { onDelta } = job;
      const hear = onDelta && ((index: number, text: string) => onDelta(had + index, text));
      job.completions.push(...(await this.#complete(client, job.requests.slice(had), signal, hear)));
    }
  }

  /** One call, or one more for each parameter that turns out to be refused. */
  async #complete(
    client: OpenAIClient,
    left: Job['requests'],
    signal: AbortSignal,
    onDelta: Job['onDelta'],
  ): Promise<Job['completions']> {
    const request = left[0] as Job['requests'][number];
    const notes = new Map<string, string>();
    const callOn = (terms: Terms) => {
      const n = terms.several ? left.length : 1;
      return { n, body: requestBody(request, n, this.#options, terms, onDelta !== undefined) };
    };
    for (let terms = this.#terms; ; ) {
      const { n, body } = callOn(terms);
      const answer = await this.#ask(client, body, request, n, signal, onDelta);
      if ('completions' in answer) {
        const { completions, choices } = answer;
        this.#terms = bothTerms(this.#terms, choices < n ? { ...terms, several: false } : terms);
        this.#note([...notes.values()], answer);
        return [...completions];
      }
      const { refusal, failure } = answer;
      if (isFiltered(refusal.status, refusal.code, refusal.message)) return [filtered(failure.paid)];
      const change = otherTerms(terms, refusal, body);
      // One that cannot be left out would be refused again without end.
      if (change === null || JSON.stringify(callOn(change.terms).body) === JSON.stringify(body)) {
        const refused = refusedSampling(refusal, body);
        if (refused.length === 0) throw failure;
        throw new CallFailure('denied', failure.message, { remedy: samplingRemedy(refused, true) });
      }
      terms = change.terms;
      notes.set(change.about, change.note);
    }
  }

  /** One call: what it brought, or why it brought nothing. */
  async #ask(
    client: OpenAIClient,
    body: object,
    request: GenerateRequest,
    n: number,
    signal: AbortSignal,
    onDelta: Job['onDelta'],
  ): Promise<ReadAnswer | { readonly refusal: Refusal; readonly failure: CallFailure }> {
    const path = this.#options.api === 'chat' ? '/chat/completions' : '/completions';
    const stream = onDelta && 'stream' in body ? this.#follow(request, n, onDelta) : null;
    const onText = stream ? (piece: string) => stream.push(piece) : undefined;
    let text: string;
    try {
      text = await client.post(path, body, signal, onText);
    } catch (error) {
      const refusal = told(error);
      const header = (name: string) => refusal.headers?.get(name);
      return { refusal, failure: httpFailure({ error, ...refusal, header }, this.name, this.#redact) };
    }
    try {
      const whole = stream?.some ? JSON.stringify(stream.end()) : text;
      return readAnswer(this.#read(whole), request, n, this.#options);
    } catch (error) {
      if (error instanceof ErrorInside) return { refusal: error, failure: insideFailure(error) };
      throw error;
    }
  }

  /** What is to be told of an answer, and of what was changed to get it. */
  #note(changes: readonly string[], { completions, unknown }: ReadAnswer): void {
    for (const change of changes) this.#notes.once(`${this.name} ${change}`);
    for (const { word, ending } of unknown) this.#notes.unknownEnd(word, ending);
    if (this.#options.prices && completions.some(({ unmetered }) => unmetered)) {
      this.#notes.once(`${this.name} does not say what it used: the budget counts the most that it may be`);
    }
  }

  /** The events of a stream, whose texts are told as far as they are certain: up to a stop, and without a key. */
  #follow({ stop = [] }: GenerateRequest, n: number, onDelta: NonNullable<Job['onDelta']>): StreamedAnswer {
    const { api, prefill } = this.#options;
    const told = Array.from({ length: n }, () => ({ stops: new StopTexts(stop), seen: 0, text: '' }));
    return new StreamedAnswer(api, (index, text) => {
      const choice = told[index];
      // One that may begin with the prefill is told at its end.
      if (!choice || (api === 'chat' && prefill === 'prefix')) return;
      const piece = choice.stops.push(text.slice(choice.seen));
      choice.seen = text.length;
      choice.text += piece;
      if (piece !== '') onDelta(index, this.#redact(choice.text));
    });
  }

  /** One text everywhere, without half a surrogate pair or NUL; and a server that repeats the key does not bring it into the ledger. */
  #read(text: string): unknown {
    let answer: unknown;
    try {
      answer = JSON.parse(text, /\\u(?:d[89a-f]|0000)/i.test(text) ? wellFormedValue : undefined);
    } catch {
      throw new CallFailure('transient', `${this.name}: an answer that is not JSON`);
    }
    if (this.#redact === asItIs) return answer;
    const whole = JSON.stringify(answer);
    const clean = this.#redact(whole);
    return clean === whole ? answer : JSON.parse(clean);
  }
}

function wellFormedValue(_: string, value: unknown): unknown {
  return typeof value === 'string' ? wellFormed(value) : value;
}

interface Told extends Refusal {
  readonly headers: Headers | undefined;
}

/** The parts of the client's errors; it has a class for each status, which says no more. */
function told(error: unknown): Told {
  const { message, status, code, param, headers } = error as Partial<Told> & Error;
  return { message: message ?? String(error), status, code, param, headers };
}
