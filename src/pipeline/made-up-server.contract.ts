import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type OpenAICompatibleOptions, openaiCompatible } from '../model/openai.ts';
import { HangClock } from '../model/remote/hang-clock.contract.ts';
import type { Model } from '../model.ts';
import { answer } from './made-up-run.contract.ts';

/** What a server is asked. */
export interface Asked {
  readonly prompt: string;
  readonly seed: number;
  readonly temperature: number;
}

/** Answers a call in its own way, or lets it hang; null: as it should. */
export type Fault = (asked: Asked, response: ServerResponse) => 'taken' | 'hangs' | null;

/** Milliseconds; no call but one that hangs ever takes them. */
const TIMEOUT = 20_000;

export interface MadeUpServer {
  /** Asked by raw prompts. */
  readonly model: (revision: string, skill: number) => Model;
  readonly url: string;
  /** Calls that came, and whole answers that left. */
  readonly calls: readonly Asked[];
  readonly answered: number;
  /** Nothing listens any more, and connections are cut. */
  close(): Promise<void>;
}

/** A real server on this machine that gives the answers of the made-up run. */
export async function madeUpServer(
  fault: Fault = () => null,
  options: Partial<OpenAICompatibleOptions> = {},
): Promise<MadeUpServer> {
  const calls: Asked[] = [];
  const clock = new HangClock(TIMEOUT);
  let answered = 0;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { model, prompt, seed, temperature } = JSON.parse(Buffer.concat(chunks).toString()) as Asked & {
      readonly model: string;
    };
    const asked = { prompt, seed, temperature };
    calls.push(asked);
    const does = fault(asked, response);
    if (does === 'hangs') clock.hangs();
    if (does !== null) return;
    const text = answer({ text: prompt, seed, temperature }, Number(model));
    const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
    answered++;
    say(response, 200, { model, choices: [{ index: 0, text, finish_reason: 'stop' }], usage });
  });
  const sockets = new Set<Socket>();
  let closed = false;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    if (closed) socket.destroy();
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  return {
    url,
    calls,
    get answered() {
      return answered;
    },
    model: (revision, skill) =>
      openaiCompatible(
        {
          baseURL: url,
          model: String(skill),
          api: 'completions',
          revision,
          retryDelay: 5,
          // What a call does is then what became of one request.
          maxN: 1,
          timeout: TIMEOUT,
          ...options,
        },
        clock,
      ),
    async close() {
      // A dead machine answers nobody, and keeps nobody waiting: those that are just being taken neither.
      closed = true;
      const ended = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await ended;
    },
  };
}

export function say(response: ServerResponse, status: number, body: object, headers = {}): 'taken' {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
  return 'taken';
}
