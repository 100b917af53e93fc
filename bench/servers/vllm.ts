/** A made-up replica of vLLM, in the words and forms of 0.32: answers are a function of the prompt, its engine takes a step every few
 * milliseconds while it has anything to do, and it dies, hangs and comes back on order. */
import { createHash } from 'node:crypto';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** `engine hangs`: the server answers, its engine takes no step. `hangs`: nothing answers. `engine dead`: 500 to all, 503 for its health.
 * `down`: nobody listens. */
export type Condition = 'well' | 'engine hangs' | 'hangs' | 'engine dead' | 'down';

export interface MadeUpVllmOptions {
  readonly served?: readonly string[];
  /** Milliseconds of an answer. */
  readonly latency?: number;
  /** Sequences of others. */
  readonly others?: number;
  /** Older servers ignore the field for choices. */
  readonly ignoresChoices?: boolean;
  /** Of a router: it has no addresses but those of completions. */
  readonly bare?: boolean;
  /** A prompt that ends the engine. */
  readonly ends?: string;
}

// biome-ignore lint/suspicious/noExplicitAny: whatever was sent
type Body = any;

const DEAD = {
  error: {
    message: 'EngineCore encountered an issue. See stack trace (above) for the root cause.',
    type: 'InternalServerError',
    param: null,
    code: 500,
  },
};

export class MadeUpVllm {
  /** Bodies of completions, in their order, and those that were answered. */
  readonly asked: Body[] = [];
  readonly answered: Body[] = [];
  served: readonly string[];
  running = 0;
  mostRunning = 0;
  readonly #options: MadeUpVllmOptions;
  #condition: Condition = 'well';
  #steps = 0;
  #port = 0;
  #server: Server | null = null;
  /** Calls that the engine has. */
  readonly #pending = new Set<() => void>();

  constructor(options: MadeUpVllmOptions = {}) {
    this.#options = options;
    this.served = options.served ?? ['m'];
  }

  static async start(options: MadeUpVllmOptions = {}): Promise<MadeUpVllm> {
    const replica = new MadeUpVllm(options);
    await replica.#listen();
    return replica;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async become(condition: Condition): Promise<void> {
    this.#condition = condition;
    if (condition === 'engine dead') for (const end of [...this.#pending]) end();
    if (condition === 'down') await this.close();
    if (condition !== 'well') return;
    for (const end of [...this.#pending]) end();
    this.#steps = 0;
    if (this.#server === null) await this.#listen();
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    server?.closeAllConnections();
    await new Promise((resolve) => (server ? server.close(resolve) : resolve(null)));
  }

  async #listen(): Promise<void> {
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk);
      if (this.#condition === 'hangs') return;
      const text = Buffer.concat(chunks).toString();
      await this.#answer(String(request.url), text === '' ? null : JSON.parse(text), response);
    });
    await new Promise<void>((resolve) => server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async #answer(path: string, body: Body, response: ServerResponse): Promise<void> {
    const { others = 0, bare } = this.#options;
    const send = (status: number, said: unknown = '') =>
      response
        .writeHead(status, { 'content-type': 'application/json' })
        .end(typeof said === 'string' ? said : JSON.stringify(said));
    if (body !== null) return this.#complete(path, body, send);
    if (bare) return void send(404);
    if (path === '/health') return void send(this.#condition === 'engine dead' ? 503 : 200);
    if (path === '/v1/models')
      return void send(200, { object: 'list', data: this.served.map((id) => ({ id, object: 'model' })) });
    if (this.#condition === 'well' && this.running > 0) this.#steps++;
    if (path === '/metrics')
      return void send(
        200,
        [
          '# TYPE vllm:num_requests_running gauge',
          `vllm:num_requests_running{engine="0",model_name="m"} ${this.running + others}.0`,
          'vllm:num_requests_waiting{engine="0",model_name="m"} 0.0',
          `vllm:iteration_tokens_total_bucket{engine="0",le="1.0",model_name="m"} ${this.#steps}.0`,
          `vllm:iteration_tokens_total_count{engine="0",model_name="m"} ${this.#steps}.0`,
          '',
        ].join('\n'),
      );
    send(404);
  }

  async #complete(path: string, body: Body, send: (status: number, said: unknown) => unknown): Promise<void> {
    this.asked.push(body);
    const { latency = 5, ignoresChoices, ends } = this.#options;
    const prompt: string = body.prompt ?? JSON.stringify(body.messages);
    if (!this.served.includes(body.model))
      return void send(404, { error: { message: `The model \`${body.model}\` does not exist.`, code: 404 } });
    const n = body.n ?? 1;
    if (n > 1 && body.temperature === 0)
      return void send(400, {
        error: {
          message: `n must be 1 when using greedy sampling, got ${n}.`,
          type: 'BadRequestError',
          code: 400,
        },
      });
    if (ends !== undefined && prompt.includes(ends)) await this.become('engine dead');
    if (this.#condition === 'engine dead') return void send(500, DEAD);
    this.running += n;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    await new Promise<void>((resolve) => {
      const end = () => {
        this.#pending.delete(end);
        resolve();
      };
      this.#pending.add(end);
      sleep(latency, undefined, { ref: false }).then(() => this.#condition === 'well' && end());
    });
    this.running -= n;
    if (this.#condition !== 'well') return void send(500, DEAD);
    this.answered.push(body);
    const choice = ignoresChoices ? undefined : body.structured_outputs?.choice;
    const digest = createHash('sha256').update(prompt).digest('hex');
    const choices = Array.from({ length: n }, (_, index) => {
      const text: string = choice
        ? choice[digest.charCodeAt(0) % choice.length]
        : `${digest.slice(0, 8)} ${index}`;
      const said = path.endsWith('/chat/completions') ? { message: { content: text } } : { text };
      return { index, ...said, finish_reason: choice ? 'length' : 'stop' };
    });
    send(200, { choices, usage: { prompt_tokens: 9, completion_tokens: 3 * n, total_tokens: 9 + 3 * n } });
  }
}
