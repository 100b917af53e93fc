import { EvalPlannerError } from '../errors.ts';
import type { GenerateRequest, Model } from '../model.ts';
import { StopTexts } from './local/text-stream.ts';
import { CallFailure } from './remote/call-failure.ts';
import type { Job } from './remote/completion.ts';
import { httpFailure } from './remote/http-failure.ts';
import { type OpenAIClient, openClient } from './remote/openai-client.ts';
import {
  type BodyOptions,
  FILTERED,
  isFiltered,
  type OpenAIApi,
  type PrefillForm,
  readCompletions,
  refusedParameter,
  requestBody,
} from './remote/openai-protocol.ts';
import { StreamedAnswer } from './remote/openai-stream.ts';
import { type CompletionEndpoint, type RemoteOptions, remoteModel } from './remote/remote.ts';
import { asItIs, type KeySource, readKey, redactor, secretValues } from './remote/secret.ts';
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
  /** Fields of the request beyond the protocol, for all calls: `{top_k: -1}`. */
  readonly body?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Told once what a server made impossible: a parameter that it refuses. */
  readonly notice?: (message: string) => void;
}

/** A model behind an OpenAI-style server: vLLM, SGLang, llama-server, Ollama, transformers serve, OpenAI and the like.
 * Nothing is contacted before the first request. Throws EvalPlannerError (`usage`). */
export function openaiCompatible(options: OpenAICompatibleOptions): Model {
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
  const endpoints = urls.map((url) => new OpenAIEndpoint(url, client, redact, { ...options, api, prefill }));
  const chat = api === 'chat';
  // What decides an answer: never the key, nor how calls are made.
  const place = revision ?? urls.toSorted().join(' ');
  const identity = ['openai', place, model, api, system ?? '', JSON.stringify(body ?? {})];
  if (chat) identity.push(prefill);
  return {
    ...remoteModel(identity, endpoints, { chat, prefills: !chat || prefill !== 'none' }, options),
    close: async () => (await opened)?.close(),
  };
}

/** https://api-docs.deepseek.com/guides/chat_prefix_completion, https://docs.mistral.ai/capabilities/completion/prefix */
const PREFIX = /^https:\/\/(?:api\.deepseek\.com\/beta|api\.mistral\.ai)(?:\/|$)/;

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

class OpenAIEndpoint implements CompletionEndpoint {
  readonly name: string;
  readonly #baseURL: string;
  readonly #options: BodyOptions & Pick<OpenAICompatibleOptions, 'notice'>;
  readonly #redact: (text: string) => string;
  readonly #open: (baseURL: string) => Promise<OpenAIClient>;
  #client: Promise<OpenAIClient> | undefined;
  /** Parameters that this server has refused. */
  readonly #refused = new Set<string>();
  #takesN = true;

  constructor(
    baseURL: string,
    open: (baseURL: string) => Promise<OpenAIClient>,
    redact: (text: string) => string,
    options: BodyOptions & Pick<OpenAICompatibleOptions, 'notice'>,
  ) {
    const { origin, pathname } = new URL(baseURL);
    // Some servers take a key in the query.
    this.name = origin + pathname;
    this.#baseURL = baseURL;
    this.#open = open;
    this.#redact = redact;
    this.#options = options;
  }

  get takesN(): boolean {
    return this.#takesN;
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

  /** One call, or one for each parameter that turns out to be refused. */
  async #complete(
    client: OpenAIClient,
    left: Job['requests'],
    signal: AbortSignal,
    onDelta: Job['onDelta'],
  ): Promise<Job['completions']> {
    const request = left[0] as Job['requests'][number];
    const { api, notice } = this.#options;
    let alone = false;
    for (;;) {
      const n = this.#takesN && !alone ? left.length : 1;
      const body = requestBody(request, n, this.#options, this.#refused, onDelta !== undefined);
      const stream = onDelta && 'stream' in body ? this.#follow(request, n, onDelta) : null;
      let answer: string;
      try {
        const path = api === 'chat' ? '/chat/completions' : '/completions';
        answer = await client.post(path, body, signal, stream ? (piece) => stream.push(piece) : undefined);
      } catch (error) {
        const { status, message, code, param, headers } = told(error);
        if (isFiltered(status, code, message)) return [FILTERED];
        const refused = status === 400 || status === 422 ? refusedParameter(message, param, body) : null;
        if (refused !== null) {
          const without = new Set([...this.#refused, refused]);
          // One that cannot be left out would be refused again without end.
          if (!(refused in requestBody(request, n, this.#options, without, onDelta !== undefined))) {
            if (refused === 'n') this.#takesN = false;
            if (!this.#refused.has(refused)) notice?.(`${this.name} takes no ${refused}; it is left out`);
            this.#refused.add(refused);
            continue;
          }
        }
        // It may be the number that is refused, in words of the server's own.
        if (n > 1 && (status === 400 || status === 422)) {
          alone = true;
          continue;
        }
        const header = (name: string) => headers?.get(name);
        throw httpFailure({ error, status, code, header }, this.name, this.#redact);
      }
      const whole = stream?.some ? JSON.stringify(stream.end()) : answer;
      const completions = readCompletions(this.#read(whole), request, this.#options);
      if (completions.length < n || alone) this.#takesN = false;
      return completions.slice(0, n);
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

  /** A server that repeats the key does not bring it into the ledger. */
  #read(text: string): unknown {
    let answer: unknown;
    try {
      answer = JSON.parse(text);
    } catch {
      throw new CallFailure('transient', `${this.name}: an answer that is not JSON`);
    }
    if (this.#redact === asItIs) return answer;
    const whole = JSON.stringify(answer);
    const clean = this.#redact(whole);
    return clean === whole ? answer : JSON.parse(clean);
  }
}

interface Told {
  readonly message: string;
  readonly status: number | undefined;
  readonly code: string | null | undefined;
  readonly param: string | null | undefined;
  readonly headers: Headers | undefined;
}

/** The parts of the client's errors; it has a class for each status, which says no more. */
function told(error: unknown): Told {
  const { message, status, code, param, headers } = error as Partial<Told> & Error;
  return { message: message ?? String(error), status, code, param, headers };
}
