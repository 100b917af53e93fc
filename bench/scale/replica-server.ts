import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Answers, type Canned, CHARACTERS_A_TOKEN } from './answers.ts';
import type { Replica, ReplicaStats } from './replica.ts';
import type { Faults } from './simulator.ts';

export interface Fault {
  readonly kind: 'death' | 'slow';
  readonly at: number;
}

/** Of all replicas. */
export interface Served {
  /** That came to the API, and that were answered whole. */
  calls: number;
  answered: number;
  /** Completions of the latter. */
  choices: number;
  readonly faults: Record<string, number>;
}

interface Body {
  readonly messages?: readonly { readonly role: string; readonly content: string }[];
  readonly prompt?: string;
  readonly model: string;
  readonly n?: number;
  readonly seed?: number;
  readonly max_tokens?: number;
  readonly stop?: readonly string[];
}

/** What vLLM 0.32 says of an engine that ended. */
const ENGINE_DEAD = 'EngineCore encountered an issue. See stack trace (above) for the root cause.';

/** A replica behind its port: vLLM's API as far as a run uses it, and what befalls it. */
export class ReplicaServer {
  readonly #replica: Replica;
  readonly #answers: Answers;
  readonly #faults: Faults;
  readonly #events: Iterator<Fault>;
  readonly #chance: () => number;
  readonly #served: Served;
  readonly #server: Server;
  readonly #underWay = new Set<ServerResponse>();
  readonly #models = new Set(['simulated']);
  #port = 0;
  #next: Fault;
  #now = 0;
  #deadUntil = 0;
  #closedUntil = 0;
  #slowUntil = 0;
  #down = 0;

  constructor(
    replica: Replica,
    answers: Answers,
    faults: Faults,
    events: Iterator<Fault>,
    chance: () => number,
    served: Served,
  ) {
    this.#replica = replica;
    this.#answers = answers;
    this.#faults = faults;
    this.#events = events;
    this.#chance = chance;
    this.#served = served;
    this.#next = events.next().value as Fault;
    this.#server = createServer((request, response) => this.#receive(request, response));
    this.#server.keepAliveTimeout = 0;
  }

  get stats(): ReplicaStats {
    return this.#replica.stats;
  }

  /** Simulated seconds in which it took calls. */
  get up(): number {
    return this.#now - this.#down;
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', 1024, resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
    return `http://127.0.0.1:${this.#port}/v1`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  advance(now: number): void {
    while (this.#next.at <= now) {
      if (this.#next.kind === 'death') this.#die(now);
      else this.#slowUntil = now + this.#faults.slowFor;
      this.#count(this.#next.kind);
      this.#next = this.#events.next().value as Fault;
    }
    if (this.#isDown) this.#down += now - this.#now;
    this.#now = now;
    if (this.#closedUntil > 0) this.#reopen();
    this.#replica.slowness = now < this.#slowUntil ? this.#faults.slowness : 1;
    this.#replica.advance(now);
  }

  get #isDown(): boolean {
    return this.#closedUntil > 0;
  }

  /** Its engine ends: what it had is answered by 500, then so is all else, until somebody ends the server and starts it again. */
  #die(now: number): void {
    this.#replica.die();
    for (const response of this.#underWay) this.#refuse(response, 500, ENGINE_DEAD, 'EngineDeadError');
    this.#deadUntil = now + this.#faults.dying;
    this.#closedUntil = this.#deadUntil + this.#faults.down;
  }

  #reopen(): void {
    if (this.#now >= this.#closedUntil) {
      this.#closedUntil = this.#deadUntil = 0;
      if (!this.#server.listening) void this.listen();
    } else if (this.#now >= this.#deadUntil && this.#server.listening) void this.close();
  }

  #receive(request: IncomingMessage, response: ServerResponse): void {
    const url = String(request.url);
    if (request.method === 'GET') {
      this.#tell(url, response);
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => this.#take(url, Buffer.concat(chunks).toString(), response));
  }

  #tell(url: string, response: ServerResponse): void {
    if (url === '/health') response.writeHead(this.#isDown ? 503 : 200).end();
    else if (url === '/metrics') response.end(this.#metrics());
    else if (url === '/v1/models') {
      const data = [...this.#models].map((id) => ({ id, object: 'model', max_model_len: 8192 }));
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ object: 'list', data }));
    } else this.#refuse(response, 404, 'Not Found', 'NotFoundError');
  }

  #metrics(): string {
    const { promptTokens, cachedTokens, preemptions } = this.#replica.stats;
    const values = {
      num_requests_running: this.#replica.running,
      num_requests_waiting: this.#replica.waiting,
      kv_cache_usage_perc: this.#replica.kvUsage,
      prefix_cache_queries_total: promptTokens,
      prefix_cache_hits_total: cachedTokens,
      num_preemptions_total: preemptions,
    };
    return Object.entries(values)
      .map(([name, value]) => `vllm:${name}{engine="0",model_name="simulated"} ${value}\n`)
      .join('');
  }

  #take(url: string, text: string, response: ServerResponse): void {
    const body = JSON.parse(text) as Body;
    if (url === '/v1/load_lora_adapter') {
      this.#models.add((body as unknown as { lora_name: string }).lora_name);
      response.end('Success: LoRA adapter added successfully.');
      return;
    }
    this.#served.calls++;
    if (this.#isDown) this.#refuse(response, 500, ENGINE_DEAD, 'EngineDeadError');
    else if (!this.#models.has(body.model))
      this.#refuse(response, 404, `The model \`${body.model}\` does not exist.`, 'NotFoundError');
    else if (this.#chance() < this.#faults.error500)
      this.#refuse(response, 500, 'Internal Server Error', 'InternalServerError');
    else this.#begin(body, response);
  }

  #begin(body: Body, response: ServerResponse): void {
    const { messages = [], n = 1, seed = 0, max_tokens = 16, stop = [] } = body;
    const begun = messages.at(-1)?.role === 'assistant' ? (messages.at(-1)?.content ?? '') : '';
    const prompt = body.prompt ?? messages.findLast(({ role }) => role === 'user')?.content ?? '';
    const { blocks, hash } = blocksOf(prompt + begun, this.#replica.blockSize * CHARACTERS_A_TOKEN);
    const texts = this.#answers.of({ prompt, prefill: begun, hash, seed, n, maxTokens: max_tokens, stop });
    const promptTokens = Math.ceil((prompt.length + begun.length) / CHARACTERS_A_TOKEN);
    this.#underWay.add(response);
    this.#replica.submit({
      blocks,
      promptTokens,
      lengths: texts.map(({ tokens }) => tokens),
      done: (cached) => {
        if (!this.#underWay.delete(response)) return;
        const chat = body.prompt === undefined;
        this.#answer(response, completion(texts, chat, body.model, promptTokens, cached), texts.length);
      },
    });
    // Who asked has gone: vLLM aborts it, this one writes it to its end.
    response.on('close', () => this.#underWay.delete(response));
  }

  #answer(response: ServerResponse, text: string, choices: number): void {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': text.length });
    if (this.#chance() < this.#faults.cut) {
      this.#count('cut');
      response.write(text.slice(0, text.length >> 1), () => response.destroy());
      return;
    }
    this.#served.answered++;
    this.#served.choices += choices;
    response.end(text, 'latin1');
  }

  #refuse(response: ServerResponse, code: number, message: string, type: string): void {
    this.#underWay.delete(response);
    this.#count(type);
    response.writeHead(code, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: { message, type, param: null, code } }));
  }

  #count(fault: string): void {
    this.#served.faults[fault] = (this.#served.faults[fault] ?? 0) + 1;
  }
}

/** As vLLM's prefix cache knows a prompt: a hash of each whole block and all before it; at last that of the whole. */
function blocksOf(text: string, size: number): { readonly blocks: number[]; readonly hash: number } {
  const blocks: number[] = [];
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
    if ((i + 1) % size === 0) blocks.push(hash);
  }
  return { blocks, hash: hash >>> 0 };
}

function completion(
  texts: readonly Canned[],
  chat: boolean,
  model: string,
  prompt: number,
  cached: number,
): string {
  const choices = texts.map(({ json, finishReason }, index) => {
    const said = chat ? `"message":{"role":"assistant","content":"${json}"}` : `"text":"${json}"`;
    return `{"index":${index},${said},"logprobs":null,"finish_reason":"${finishReason}"}`;
  });
  const written = texts.reduce((sum, { tokens }) => sum + tokens, 0);
  const usage = `{"prompt_tokens":${prompt},"completion_tokens":${written},"total_tokens":${prompt + written},"prompt_tokens_details":{"cached_tokens":${cached}}}`;
  return `{"id":"simulated","object":"chat.completion","created":0,"model":${JSON.stringify(model)},"choices":[${choices.join()}],"usage":${usage}}`;
}
