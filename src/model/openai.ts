import { EvalPlannerError } from '../errors.ts';
import type { Model } from '../model.ts';
import type { Clock } from './remote/clock.ts';
import type { Job } from './remote/completion.ts';
import { Notes } from './remote/notes.ts';
import { type OpenAIClient, openClient } from './remote/openai-client.ts';
import { nameOf, OpenAIEndpoint } from './remote/openai-endpoint.ts';
import type { OpenAIApi, PrefillForm } from './remote/openai-protocol.ts';
import type { Affinity } from './remote/places.ts';
import { type CompletionEndpoint, type RemoteOptions, remoteModel } from './remote/remote.ts';
import { type KeySource, readKey, redactor, secretValues } from './remote/secret.ts';
import { OPEN_TERMS } from './remote/terms.ts';
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
  /** False leaves seeds out, for a server that fails by them: the same command asked again of an empty ledger then brings other
   * answers. */
  readonly seeds?: boolean;
  /** Told once what a server made impossible, as a parameter that it refuses, and at the end what words of its were not known. */
  readonly notice?: (message: string) => void;
}

/** What is known of a kind of server besides the protocol. */
export interface ServerKind {
  readonly name: string;
  /** What names the weights where no revision does. */
  place(model: string, urls: readonly string[]): string;
  readonly prefill?: PrefillForm;
  readonly choice?: 'structured_outputs';
  endpoint?(endpoint: CompletionEndpoint, server: ServerAccess): CompletionEndpoint;
  affinity?(endpoints: number): Affinity<Job>;
}

/** How one server is asked about itself. */
export interface ServerAccess {
  /** Up to and with its `/v1`. */
  readonly url: string;
  /** A client of that address, or of another one of the same server. */
  client(url: string): Promise<OpenAIClient>;
  /** Takes keys out of what it said. */
  redact(text: string): string;
}

const OPENAI: ServerKind = { name: 'openai', place: (_, urls) => urls.toSorted().join(' ') };

/** A model behind an OpenAI-style server: vLLM, SGLang, llama-server, Ollama, transformers serve, OpenAI and the like.
 * Nothing is contacted before the first request. Throws EvalPlannerError (`usage`). */
export function openaiCompatible(
  options: OpenAICompatibleOptions,
  clock?: Clock,
  kind: ServerKind = OPENAI,
): Model {
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
  const prefill = options.prefill ?? kind.prefill ?? documentedPrefill(urls);
  const seedField = urls.every((url) => RANDOM_SEED.test(url)) ? 'random_seed' : 'seed';
  const notes = new Notes(`${model} at ${urls.map(nameOf).join(' ')}`, options.notice);
  const choice = kind.choice ? { choice: kind.choice } : {};
  const asked = { ...options, api, prefill, seedField, ...choice } as const;
  const terms = {
    ...OPEN_TERMS,
    countedLogprobs: urls.every((url) => COUNTED_LOGPROBS.test(url)),
    without: new Set(options.seeds === false ? [seedField] : []),
  };
  const endpoints = urls.map((url) => {
    const endpoint = new OpenAIEndpoint(url, client, redact, asked, terms, notes);
    return kind.endpoint?.(endpoint, { url, client, redact }) ?? endpoint;
  });
  const affinity = kind.affinity?.(urls.length);
  const chat = api === 'chat';
  // What decides an answer: never the key, nor how calls are made.
  const place = revision ?? kind.place(model, urls);
  const identity = [kind.name, place, model, api, system ?? '', JSON.stringify(body ?? {})];
  if (chat) identity.push(prefill);
  const prefills = !chat || prefill !== 'none';
  const rendering = { chat, prefills, ...(affinity ? { affinity } : {}) };
  return {
    ...remoteModel(identity, endpoints, rendering, options, clock),
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
