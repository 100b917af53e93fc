import type { Dispatcher } from 'undici';
import { EvalPlannerError } from '../../errors.ts';
import { asItIs, redactor } from '../../model/remote/secret.ts';

/** Nobody answered, or with what a proxy or a server that is starting answers: another try may bring more. */
export class Unreachable extends Error {}

export interface Answer {
  readonly status: number;
  readonly text: string;
}

export interface RayServer {
  /** The dashboard's, as `http://127.0.0.1:8265`. */
  readonly address: string;
  readonly token?: string | undefined;
  /** Milliseconds of one request. */
  readonly timeout?: number | undefined;
}

type Undici = typeof import('undici');

/** HTTP to the dashboard of a Ray cluster, by undici, which is loaded when it is first used: by its `request`, since Ray refuses what looks
 * like a browser's and so every fetch. Redirects are not followed: they would take the token to another host. */
export class RayHttp {
  readonly address: string;
  readonly #token: string | undefined;
  readonly #timeout: number;
  readonly #redact: (text: string) => string;
  #loaded: Promise<{ readonly undici: Undici; readonly dispatcher: Dispatcher }> | undefined;

  constructor({ address, token, timeout = 30_000 }: RayServer) {
    this.address = address.replace(/\/+$/, '');
    this.#token = token;
    this.#timeout = timeout;
    this.#redact = token === undefined ? asItIs : redactor(token);
  }

  elsewhere(address: string): RayHttp {
    return new RayHttp({ address, token: this.#token, timeout: this.#timeout });
  }

  /** Any answer but those that say that the token is wrong or that another try may help. Throws EvalPlannerError, or Unreachable. */
  async send(
    method: Dispatcher.HttpMethod,
    path: string,
    {
      body,
      signal,
      passes = () => false,
    }: {
      readonly body?: string | Uint8Array;
      readonly signal?: AbortSignal | undefined;
      /** Answers of 5xx that say something. */
      readonly passes?: (answer: Answer) => boolean;
    } = {},
  ): Promise<Answer> {
    const { undici, dispatcher } = await this.#open();
    const limit = AbortSignal.timeout(this.#timeout);
    let answer: Answer;
    try {
      const response = await undici.request(this.address + path, {
        method,
        body: body ?? null,
        headers: {
          ...this.#headers(),
          ...(typeof body === 'string' ? { 'content-type': 'application/json' } : {}),
        },
        signal: signal ? AbortSignal.any([signal, limit]) : limit,
        dispatcher,
      });
      answer = { status: response.statusCode, text: this.#redact(await response.body.text()) };
    } catch (error) {
      signal?.throwIfAborted();
      throw new Unreachable(
        `${this.address} ${limit.aborted ? `gave no answer within ${this.#timeout / 1000} s` : `cannot be reached: ${reason(error)}`}`,
      );
    }
    this.#refuse(answer.status);
    if (answer.status >= 500 && !passes(answer))
      throw new Unreachable(`${this.address} answers ${answer.status}: ${lastLine(answer.text)}`);
    return answer;
  }

  /** Text frames of a WebSocket until it is closed. Throws Unreachable where it broke, and the signal's reason. */
  async listen(path: string, onText: (text: string) => void, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { undici, dispatcher } = await this.#open();
    const url = (this.address + path).replace(/^http/, 'ws');
    const socket = new undici.WebSocket(url, { headers: this.#headers(), dispatcher });
    await new Promise<void>((resolve, reject) => {
      const stop = () => {
        reject(signal.reason);
        socket.close();
      };
      signal.addEventListener('abort', stop, { once: true });
      const settle = (end: () => void) => {
        signal.removeEventListener('abort', stop);
        end();
      };
      socket.onmessage = ({ data }) => {
        if (signal.aborted || typeof data !== 'string') return;
        try {
          onText(this.#redact(data));
        } catch (error) {
          settle(() => reject(error));
          socket.close();
        }
      };
      socket.onerror = () => settle(() => reject(new Unreachable(`the log of ${this.address} broke off`)));
      socket.onclose = ({ code }) =>
        settle(
          code === 1000 ? resolve : () => reject(new Unreachable(`the log of ${this.address} broke off`)),
        );
    });
  }

  async close(): Promise<void> {
    await (await this.#loaded)?.dispatcher.destroy();
  }

  #open() {
    this.#loaded ??= import('undici').then((undici) => {
      const options = { connect: { timeout: 10_000 }, headersTimeout: 0, bodyTimeout: 0 };
      const { HTTP_PROXY, HTTPS_PROXY, http_proxy, https_proxy } = process.env;
      const proxied = HTTP_PROXY || HTTPS_PROXY || http_proxy || https_proxy;
      const agent = proxied ? new undici.EnvHttpProxyAgent(options) : new undici.Agent(options);
      return { undici, dispatcher: agent.compose(uncompressed) };
    });
    return this.#loaded;
  }

  #headers(): Record<string, string> {
    return this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
  }

  #refuse(status: number): void {
    if (status === 401)
      throw new EvalPlannerError(
        'usage',
        `the Ray cluster at ${this.address} wants a token${this.#token === undefined ? '' : ', and did not see the one that was sent'}`,
        'set RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH, write it to ~/.ray/auth_token, or name a variable in trainer.tokenEnv',
      );
    if (status === 403)
      throw new EvalPlannerError(
        'usage',
        `the Ray cluster at ${this.address} does not take this token`,
        'ask who runs the cluster for the token that it has now (`ray get-auth-token` on its head)',
      );
  }
}

/** Ray 2.60 accepts compressed WebSockets, and then sends nothing; undici would always ask for one. */
const uncompressed: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) => {
  if (options.upgrade !== 'websocket') return dispatch(options, handler);
  const given = Object.entries(options.headers as Record<string, string>);
  const headers = Object.fromEntries(given.filter(([name]) => !/^sec-websocket-extensions$/i.test(name)));
  return dispatch({ ...options, headers }, handler);
};

/** Of a traceback that line says it. */
export function lastLine(text: string): string {
  const lines = text.trim().split('\n');
  return (lines.at(-1) as string).trim().slice(0, 300) || 'nothing';
}

function reason(error: unknown): string {
  const { cause } = error as { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? (error as Error).message;
}
