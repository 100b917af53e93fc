import type { AnswerHeaders, Transport } from './transport.ts';

/** One call to a server. */
export interface OpenAIClient {
  /** The body of a successful answer, of which `onText` hears as it comes. Rejects with the openai package's APIError for any other, with the transport's error
   * where none came, and with the signal's reason. */
  post(path: string, body: object, signal: AbortSignal, onText?: (piece: string) => void): Promise<string>;
  /** The body of what is there, in the same way. */
  get(path: string, signal: AbortSignal): Promise<string>;
}

/** Errors are the openai package's, and addresses are as it makes them. Its client is not used: all that it decides (headers,
 * retries, time-outs, logs) is decided elsewhere here, it took a quarter of the CPU time of a judged pair, and its 236 modules
 * a quarter of a second of every command's start. */
export async function openClient(
  baseURL: string,
  key: string | undefined,
  headers: Readonly<Record<string, string>>,
  { send }: Pick<Transport, 'send'>,
): Promise<OpenAIClient> {
  const { APIError } = await import('openai/error');
  // Only what is listed here leaves: OPENAI_CUSTOM_HEADERS is for another host.
  const sent = {
    'content-type': 'application/json',
    accept: 'application/json',
    'user-agent': 'evalplanner',
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    ...headers,
  };
  const urls = new Map<string, string>();
  const call = async (
    path: string,
    body: Uint8Array | null,
    signal: AbortSignal,
    onText?: (piece: string) => void,
  ) => {
    let url = urls.get(path);
    if (url === undefined) {
      url = address(baseURL, path);
      urls.set(path, url);
    }
    const answer = await send(url, sent, body, signal, onText);
    if (answer.status >= 200 && answer.status < 300) return answer.text;
    const said = json(answer.text);
    throw APIError.generate(
      answer.status,
      // Some servers leave the outer {"error": …} away.
      said && (said as { error?: unknown }).error == null ? { error: said } : said,
      said ? undefined : answer.text,
      headersOf(answer.headers),
    );
  };
  return {
    // As bytes: a text with one typographic quote takes two of them a character, for as long as the call lasts.
    post: (path, body, signal, onText) => call(path, Buffer.from(JSON.stringify(body)), signal, onText),
    get: (path, signal) => call(path, null, signal),
  };
}

/** A path below a server's address, whose query stays at the end. */
function address(baseURL: string, path: string): string {
  const url = new URL(baseURL);
  url.pathname = url.pathname.replace(/\/$/, '') + path;
  url.hash = '';
  return url.href;
}

function json(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}

function headersOf(received: AnswerHeaders): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(received)) {
    if (value !== undefined && name !== 'set-cookie') headers.set(name, String(value));
  }
  return headers;
}
