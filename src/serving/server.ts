import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { BlockList, isIPv6 } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { EvalPlannerError } from '../errors.ts';
import { answer, writeError, writeJson } from './answer.ts';
import { ApiError, stopping } from './api-error.ts';
import { chat } from './chat.ts';
import { completions } from './completions.ts';
import type { Served } from './job.ts';
import { Metrics } from './metrics.ts';

export interface ServerOptions {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  /** What clients have to send as `Authorization: Bearer …`. */
  readonly apiKey?: string | undefined;
  /** Bytes. */
  readonly bodyLimit?: number;
  /** Milliseconds until a client has to have sent its headers, and its whole request. */
  readonly headersTimeout?: number;
  readonly requestTimeout?: number;
  /** Hears of what is a bug of ours; the client hears of a 500 only. */
  readonly onBug?: (error: unknown) => void;
}

export interface RunningServer {
  readonly url: string;
  /** Takes no more requests; those in flight have `grace` milliseconds to end, then they are told. */
  close(grace: number): Promise<void>;
}

/** Listen; resolves when clients can connect. Throws EvalPlannerError (`model`) where that is not possible. */
export async function startServer(served: Served, options: ServerOptions): Promise<RunningServer> {
  const { host, port, headersTimeout = 10_000, requestTimeout = 60_000 } = options;
  const metrics = new Metrics();
  const inFlight = new Set<AbortController>();
  let closing = false;
  let drained = () => {};

  const server = createServer(
    {
      headersTimeout: Math.min(headersTimeout, requestTimeout),
      requestTimeout,
      connectionsCheckingInterval: Math.min(1000, headersTimeout),
      // Longer than the clients' own, or they meet a connection that is just being closed.
      keepAliveTimeout: 75_000,
    },
    (request, response) => {
      const controller = new AbortController();
      inFlight.add(controller);
      response.on('close', () => {
        if (!response.writableFinished) controller.abort(new Error('the client is gone'));
      });
      if (closing) response.setHeader('Connection', 'close');
      const work = closing ? Promise.reject(stopping()) : handle(request, response, controller.signal);
      void work
        .catch((error: unknown) => {
          if (response.destroyed) return;
          if (closing && !response.headersSent) response.setHeader('Connection', 'close');
          if (!(error instanceof ApiError)) options.onBug?.(error);
          writeError(response, error instanceof ApiError ? error : new ApiError(500, 'internal error'));
        })
        .finally(() => {
          inFlight.delete(controller);
          if (inFlight.size === 0) drained();
        });
    },
  );

  const routes: Readonly<Record<string, readonly [method: 'GET' | 'POST', Route]>> = {
    '/health': ['GET', async ({ response }) => void response.end()],
    '/metrics': [
      'GET',
      async ({ response }) => {
        response.setHeader('Content-Type', 'text/plain; version=0.0.4; charset=utf-8');
        response.end(metrics.text(served.name, served.generator));
      },
    ],
    '/v1/models': [
      'GET',
      async ({ response }) => writeJson(response, 200, { object: 'list', data: [model(served)] }),
    ],
    '/v1/completions': ['POST', generation(completions)],
    '/v1/chat/completions': ['POST', generation(chat)],
  };

  function generation(read: typeof chat): Route {
    return async ({ request, response, signal }) => {
      const body = await readJson(request, options.bodyLimit ?? 16 * 2 ** 20, signal);
      const { model: name } = (body ?? {}) as { readonly model?: unknown };
      if (typeof name === 'string' && name !== served.name) throw unknownModel(name, served);
      await answer(served, read(served, body), response, metrics, signal);
    };
  }

  async function handle(
    request: IncomingMessage,
    response: ServerResponse,
    signal: AbortSignal,
  ): Promise<void> {
    if (isLoopback(host)) checkHost(request.headers.host);
    const path = (request.url ?? '').split('?')[0] as string;
    if (path === '/health' && served.generator.failed) throw new ApiError(503, 'the engine has stopped');
    if (path !== '/health') authorise(options.apiKey, request.headers.authorization);
    const [method, route] = routes[path] ?? (path.startsWith(MODEL) ? modelRoute(served, path) : []);
    if (!route) throw new ApiError(404, `there is no ${path} here`, { code: 'unknown_url' });
    if (request.method !== method && !(request.method === 'HEAD' && method === 'GET')) {
      throw new ApiError(405, `${path} takes ${method}, not ${request.method}`, {
        code: 'method_not_allowed',
        headers: { Allow: method as string },
      });
    }
    await route({ request, response, signal });
  }

  await listen(server, host, port);
  const address = server.address();
  const actual = typeof address === 'object' && address ? address.port : port;
  return {
    url: `http://${isIPv6(host) ? `[${host}]` : host}:${actual}`,
    async close(grace) {
      closing = true;
      const closed = new Promise((resolve) => server.close(resolve));
      if (inFlight.size > 0) {
        const empty = new Promise<void>((resolve) => {
          drained = resolve;
        });
        const over = new AbortController();
        await Promise.race([empty, wait(grace, undefined, { signal: over.signal }).catch(() => {})]);
        over.abort();
        for (const controller of inFlight) controller.abort(stopping());
        await empty;
      }
      server.closeIdleConnections();
      // Somebody who does not read, or has not sent a whole request.
      const late = setTimeout(() => server.closeAllConnections(), 500);
      await closed;
      clearTimeout(late);
    },
  };
}

type Route = (exchange: {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly signal: AbortSignal;
}) => Promise<void>;

function model({ name, generator, judge }: Served): object {
  const { context: max_model_len } = generator.limits;
  const known = judge === undefined ? {} : { judge };
  return { id: name, object: 'model', created: 0, owned_by: 'evalplanner', max_model_len, ...known };
}

const MODEL = '/v1/models/';

function modelRoute(served: Served, path: string): ['GET', Route] {
  return [
    'GET',
    async ({ response }) => {
      const name = decoded(path.slice(MODEL.length));
      if (name !== served.name) throw unknownModel(name, served);
      writeJson(response, 200, model(served));
    },
  ];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function unknownModel(name: string, served: Served): ApiError {
  return new ApiError(404, `The model \`${name}\` does not exist; this server has \`${served.name}\`.`, {
    param: 'model',
    code: 'model_not_found',
  });
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why: Readonly<Record<string, string>> = {
        EADDRINUSE: 'another program listens there',
        EACCES: 'this user may not listen there',
        EADDRNOTAVAIL: 'this machine does not have that address',
        ENOTFOUND: 'there is no such host',
      };
      const reason = why[error.code ?? ''] ?? error.message;
      const remedy = 'choose another --port (0 takes a free one) or another --host';
      reject(new EvalPlannerError('model', `cannot listen on ${host}:${port}: ${reason}`, remedy, error));
    });
    server.listen(port, host, resolve);
  });
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

export function isLoopback(host: string): boolean {
  return host === 'localhost' || LOOPBACK.check(host, isIPv6(host) ? 'ipv6' : 'ipv4');
}

/** A web page may have its own name lead to this machine (DNS rebinding), but not the name in the request. */
function checkHost(header: string | undefined): void {
  const url = URL.parse(`http://${header ?? ''}`);
  if (url && isLoopback(url.hostname.replace(/^\[|\]$/g, ''))) return;
  throw new ApiError(403, 'this server answers on this machine only; call it by localhost or 127.0.0.1', {
    code: 'host_not_allowed',
  });
}

function authorise(key: string | undefined, header: string | undefined): void {
  if (key === undefined) return;
  const hash = (text: string) => createHash('sha256').update(text).digest();
  if (timingSafeEqual(hash(`Bearer ${key}`), hash(header ?? ''))) return;
  throw new ApiError(401, 'the API key is missing or wrong', {
    code: 'invalid_api_key',
    headers: { 'WWW-Authenticate': 'Bearer' },
  });
}

/** A request's JSON. Other media types are refused: those a web page may send to any site without asking. */
async function readJson(request: IncomingMessage, limit: number, signal: AbortSignal): Promise<unknown> {
  const {
    'content-type': type = '',
    'content-encoding': encoding,
    'content-length': length,
  } = request.headers;
  if (!/^application\/json\s*(;|$)/i.test(type) || encoding !== undefined) {
    throw new ApiError(415, 'send the request as application/json, not compressed', {
      code: 'unsupported_media_type',
    });
  }
  const tooLarge = () =>
    new ApiError(413, `the request is larger than ${limit} bytes`, {
      code: 'request_too_large',
      headers: { Connection: 'close' },
    });
  if (Number(length) > limit) throw tooLarge();
  const body = await new Promise<Buffer>((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      // The rest is read and forgotten, so that the client comes to read the answer.
      if (size > limit) reject(tooLarge());
      else chunks.push(chunk);
    });
    request.on('end', () => resolve(Buffer.concat(chunks)));
    request.on('error', reject);
    signal.addEventListener('abort', () => reject(signal.reason));
  });
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    throw new ApiError(400, `the request is no JSON: ${(error as Error).message}`, { code: 'invalid_json' });
  }
}
