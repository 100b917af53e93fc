import { EvalPlannerError } from '../../errors.ts';
import { type KeySource, readKey, redactor } from '../remote/secret.ts';
import { type HttpAnswer, openTransport } from '../remote/transport.ts';

/** A model that a server says it serves. */
export interface ServedName {
  /** What requests call it. */
  readonly id: string;
  /** What it was started or loaded with: a folder, or a name on the hub. */
  readonly root?: string;
  /** Of an adapter: the model that it is put on. */
  readonly parent?: string;
  /** Of transformers serve: `loaded` or `unloaded`. */
  readonly status?: string;
}

/** Milliseconds of a call that only asks. */
const ASKING = 30_000;
/** The longest text of a server's that an error repeats. */
const LONGEST = 300;

/** A server as it is asked about itself, and told what to serve. Its completions come another way. */
export class Server {
  /** Up to and with its `/v1`. */
  readonly url: string;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #redact: (text: string) => string;

  /** Throws EvalPlannerError (`usage`) for a key that is named and not there. */
  constructor(url: string, keys: KeySource) {
    this.url = url.replace(/\/+$/, '');
    const key = readKey(keys);
    this.#redact = redactor(key);
    this.#headers = {
      'content-type': 'application/json',
      accept: 'application/json',
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    };
  }

  /** What it serves. Throws EvalPlannerError (`model`) where it does not say. */
  async models(signal?: AbortSignal): Promise<ServedName[]> {
    const { status, text } = await this.#send(`${this.url}/models`, null, ASKING, signal);
    if (status !== 200)
      throw this.failure(`does not say what it serves (status ${status}: ${this.said(text)})`, START);
    return modelsOf(text) ?? this.#strange(text);
  }

  /** An answer of any status; `path` begins with a slash and is below `/v1`, or with `root` below the server itself. */
  post(
    path: string,
    body: object,
    { signal, timeout = ASKING, root = false }: PostOptions = {},
  ): Promise<HttpAnswer> {
    const base = root ? this.url.replace(/\/v1$/, '') : this.url;
    return this.#send(base + path, JSON.stringify(body), timeout, signal);
  }

  failure(what: string, remedy: string, cause?: unknown): EvalPlannerError {
    return new EvalPlannerError('model', `${this.url} ${what}`, remedy, cause);
  }

  /** A server's words as an error may repeat them. */
  said(text: string): string {
    return (
      this.#redact(wordsOf(text))
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they would reach a terminal
        .replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')
        .trim()
        .slice(0, LONGEST)
    );
  }

  async #send(url: string, body: string | null, timeout: number, signal?: AbortSignal): Promise<HttpAnswer> {
    const ended = AbortSignal.timeout(timeout);
    const transport = await openTransport();
    try {
      return await transport.send(
        url,
        this.#headers,
        body,
        signal ? AbortSignal.any([signal, ended]) : ended,
      );
    } catch (error) {
      signal?.throwIfAborted();
      const why = ended.aborted ? `no answer in ${timeout / 1000} s` : this.said(String(error));
      throw this.failure(`did not answer: ${why}`, START, error);
    } finally {
      await transport.close();
    }
  }

  #strange(text: string): never {
    throw this.failure(`does not say what it serves: ${this.said(text)}`, START);
  }
}

const START =
  'check its address (most end in /v1), its key and whether it is running, then run the same command again: what came so far is kept';

export interface PostOptions {
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds. */
  readonly timeout?: number;
  readonly root?: boolean;
}

function modelsOf(text: string): ServedName[] | null {
  const { data } = parsed(text);
  if (!Array.isArray(data)) return null;
  return data.flatMap((one: unknown): ServedName[] => {
    const { id, root, parent, status } = record(one);
    if (typeof id !== 'string') return [];
    const { value } = record(status);
    return [
      {
        id,
        ...(typeof root === 'string' ? { root } : {}),
        ...(typeof parent === 'string' ? { parent } : {}),
        ...(typeof value === 'string' ? { status: value } : {}),
      },
    ];
  });
}

/** The message of an error in one of the forms that servers have, or the text as it is. */
function wordsOf(text: string): string {
  const { error, detail, message } = parsed(text);
  const words = record(error).message ?? error ?? detail ?? message;
  return typeof words === 'string' ? words : text;
}

function parsed(text: string): Record<string, unknown> {
  try {
    return record(JSON.parse(text));
  } catch {
    return {};
  }
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}
