/** An OpenAI-style server whose answers are a function of the request, with a fixed latency and faults on order. Run as a
 * process it prints its address and serves until its stdin ends: node bench/servers/openai.ts '{"latency": 20}' */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { random } from '../../src/random.ts';

export interface ServerOptions {
  /** Milliseconds. */
  readonly latency?: number;
  /** Every n-th call is refused: 429 with `Retry-After`. */
  readonly refuseEvery?: number;
  /** Seconds. */
  readonly retryAfter?: number;
  /** Shares of the other calls. */
  readonly error500?: number;
  readonly drop?: number;
  readonly truncate?: number;
  readonly hang?: number;
  /** Hears of each call that hangs. */
  readonly onHang?: () => void;
  readonly empty?: number;
  readonly seed?: number;
}

export interface Stats {
  calls: number;
  /** Whole answers that were sent. */
  answered: number;
  /** Of those, ones for a prompt and seed that had been answered before. */
  repeated: number;
  /** When the first call came and when the last whole answer was sent, in milliseconds since 1970. */
  firstCall: number;
  lastAnswer: number;
  readonly faults: Record<string, number>;
}

type Fault = 'refuse' | 'error500' | 'drop' | 'truncate' | 'hang' | 'empty';

export interface RunningServer {
  readonly url: string;
  readonly stats: Stats;
  close(): Promise<void>;
}

export async function serve(options: ServerOptions = {}): Promise<RunningServer> {
  const stats: Stats = { calls: 0, answered: 0, repeated: 0, firstCall: 0, lastAnswer: 0, faults: {} };
  const chance = random(options.seed ?? 0);
  const answeredBefore = new Set<string>();
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      response.setHeader('content-type', 'application/json').end(JSON.stringify(stats));
      return;
    }
    answer(request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 60_000;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (stats.firstCall === 0) stats.firstCall = Date.now();
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = JSON.parse(Buffer.concat(chunks).toString()) as RequestBody;
    const fault = pickFault(++stats.calls, options, chance);
    if (fault) stats.faults[fault] = (stats.faults[fault] ?? 0) + 1;
    await setTimeout(options.latency ?? 0);
    if (fault === 'hang') return options.onHang?.();
    if (fault === 'drop') {
      response.destroy();
      return;
    }
    response.setHeader('content-type', 'application/json');
    if (fault === 'refuse') {
      response.statusCode = 429;
      response.setHeader('retry-after', String(options.retryAfter ?? 1));
      response.end('{"error": {"message": "too many requests", "type": "rate_limit"}}');
      return;
    }
    if (fault === 'error500') {
      response.statusCode = 500;
      response.end('{"error": {"message": "internal error"}}');
      return;
    }
    const said = completion(body, String(request.url));
    if (fault === 'empty') said.choices = [];
    const text = JSON.stringify(said);
    if (fault === 'truncate') {
      response.end(text.slice(0, text.length >> 1));
      return;
    }
    response.end(text, () => {
      if (fault) return;
      stats.answered++;
      stats.lastAnswer = Date.now();
      const unit = createHash('sha1')
        .update(`${body.seed} ${promptOf(body)}`)
        .digest('base64');
      if (answeredBefore.has(unit)) stats.repeated++;
      answeredBefore.add(unit);
    });
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/v1`, stats, close: () => stop(server) };
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

interface RequestBody {
  readonly model?: string;
  readonly messages?: readonly { readonly content: unknown }[];
  readonly prompt?: string;
  readonly seed?: number;
  readonly temperature?: number;
  readonly n?: number;
}

function promptOf({ messages, prompt }: RequestBody): string {
  return prompt ?? JSON.stringify(messages?.at(-1)?.content ?? '');
}

function pickFault(call: number, options: ServerOptions, chance: () => number): Fault | null {
  if (options.refuseEvery && call % options.refuseEvery === 0) return 'refuse';
  let left = chance();
  for (const name of ['error500', 'drop', 'truncate', 'hang', 'empty'] as const) {
    left -= options[name] ?? 0;
    if (left < 0) return name;
  }
  return null;
}

/** A thought that ends with a verdict, both by the prompt and, above temperature 0, the seed. */
function completion(body: RequestBody, path: string) {
  const prompt = promptOf(body);
  const choices: object[] = [];
  for (let index = 0; index < (body.n ?? 1); index++) {
    const seed = body.temperature === 0 ? 0 : (body.seed ?? 0) + index;
    const hash = createHash('sha256').update(`${seed} ${prompt}`).digest('hex');
    const verdict = Number.parseInt(hash[0] as string, 16) % 2 === 0 ? 'A' : 'B';
    const text = `Compare what was asked with what was said. ${`Point ${hash} holds. `.repeat(5)}[[${verdict}]]`;
    const chat = path.endsWith('/chat/completions');
    const said = chat ? { message: { role: 'assistant', content: text } } : { text };
    choices.push({ index, ...said, finish_reason: 'stop', logprobs: null });
  }
  const prompt_tokens = Math.ceil(prompt.length / 4);
  const completion_tokens = 120 * choices.length;
  return {
    id: 'x',
    object: 'chat.completion',
    created: 0,
    model: body.model ?? '',
    choices,
    usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens },
  };
}

if (import.meta.main) {
  const server = await serve(JSON.parse(process.argv[2] ?? '{}') as ServerOptions);
  process.stdout.write(`${server.url}\n`);
  process.stdin.resume().on('end', () => process.exit(0));
}
