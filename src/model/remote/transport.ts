/** By names in lower case; as node:http has them, whose types a user of ours need not have. */
export type AnswerHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** What a server answered, whole. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly text: string;
}

export interface Transport {
  /** POST a text, or GET where it is null; `onText` hears a successful answer as it comes. Rejects with the signal's reason, or with the error of a connection that broke. */
  send(
    url: string,
    headers: Readonly<Record<string, string>>,
    body: string | Uint8Array | null,
    signal: AbortSignal,
    onText?: (piece: string) => void,
  ): Promise<HttpAnswer>;
  close(): Promise<void>;
}

/** A whole answer; what is larger is no completion. */
const MAX_RESPONSE_BYTES = 64 * 2 ** 20;

/** HTTP by undici, loaded when it is first used. Node's own fetch gives up after 5 minutes without headers, too soon for a
 * long thought, and follows redirects, which would take a key to another host: this does neither. Connections are kept and
 * used again; the time-out is the caller's signal. undici's dispatcher is used directly: its `request` and fetch make streams
 * of every answer, which is most of what a short call costs. */
export async function openTransport(): Promise<Transport> {
  const { Agent, EnvHttpProxyAgent } = await import('undici');
  const options = {
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: 10_000 },
    maxResponseSize: MAX_RESPONSE_BYTES,
  };
  const { HTTP_PROXY, HTTPS_PROXY, http_proxy, https_proxy } = process.env;
  const proxied = HTTP_PROXY || HTTPS_PROXY || http_proxy || https_proxy;
  const dispatcher = proxied ? new EnvHttpProxyAgent(options) : new Agent(options);
  const origins = new Map<string, { readonly origin: string; readonly path: string }>();
  const target = (url: string) => {
    let known = origins.get(url);
    if (known === undefined) {
      const { origin, pathname, search } = new URL(url);
      known = { origin, path: pathname + search };
      origins.set(url, known);
    }
    return known;
  };
  return {
    send(url, headers, body, signal, onText) {
      const { origin, path } = target(url);
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason);
        let running: { abort(reason: Error): void } | undefined;
        let status = 0;
        let told: AnswerHeaders = {};
        const chunks: Buffer[] = [];
        const decoder = onText ? new TextDecoder() : null;
        const abort = () => {
          running?.abort(signal.reason);
          reject(signal.reason);
        };
        signal.addEventListener('abort', abort, { once: true });
        dispatcher.dispatch(
          { origin, path, method: body === null ? 'GET' : 'POST', headers, body },
          {
            onRequestStart(controller) {
              running = controller;
              if (signal.aborted) controller.abort(signal.reason);
            },
            onResponseStart(_, statusCode, received) {
              status = statusCode;
              told = received;
            },
            onResponseData(_, chunk) {
              chunks.push(chunk);
              if (decoder && status < 300) onText?.(decoder.decode(chunk, { stream: true }));
            },
            onResponseEnd() {
              signal.removeEventListener('abort', abort);
              const bytes = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
              resolve({ status, headers: told, text: bytes.toString('utf8') });
            },
            onResponseError(_, error) {
              signal.removeEventListener('abort', abort);
              reject(error);
            },
          },
        );
      });
    },
    close: () => dispatcher.destroy(),
  };
}
