import { cp } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join } from 'node:path';
import { writeCheckpoint } from '../../engine/llama/checkpoint.ts';
import { Adapter, initialiseAdapter } from '../../engine/lora/adapter.ts';
import { writeAdapter } from '../../engine/lora/checkpoint.ts';
import type { GenerateRequest, Model } from '../../model.ts';
import { userPrompt } from '../../model.ts';
import { random } from '../../random.ts';
import { openCheckpoint } from '../local/checkpoint.ts';

/** A server that plays what vLLM and `transformers serve` answer about what they serve, and whose completions tell who wrote them. */
export interface MadeUpServer {
  readonly url: string;
  /** What it serves; tests change it. */
  readonly models: { id: string; root?: string; parent?: string | null; status?: object }[];
  /** Calls, as `METHOD path` and what they named. */
  readonly calls: string[];
  close(): Promise<void>;
}

/** Answers in its own way where it returns true. */
export type Fault = (path: string, body: Record<string, unknown>, response: ServerResponse) => boolean;

export async function madeUpServer(
  base: string,
  fault: Fault = () => false,
  says = (model: string, _: Record<string, unknown>) => `${model} says`,
): Promise<MadeUpServer> {
  const models: MadeUpServer['models'] = [{ id: 'm0', root: base, parent: null }];
  const calls: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const body = text === '' ? {} : (JSON.parse(text) as Record<string, string>);
    const path = request.url ?? '';
    const { model = '', lora_name: name = '', lora_path: root } = body;
    calls.push([request.method, path, name || model].join(' ').trim());
    const say = (status: number, answer: object | string) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(typeof answer === 'string' ? answer : JSON.stringify(answer));
    };
    const refuse = (code: number, message: string) => say(code, { error: { message, code } });
    if (fault(path, body, response)) return;
    const at = models.findIndex(({ id }) => id === name);
    switch (path) {
      case '/v1/models':
        return say(200, { object: 'list', data: models });
      case '/v1/load_lora_adapter':
        if (!name || !root) return refuse(400, "Both 'lora_name' and 'lora_path' must be provided.");
        if (at >= 0) return refuse(400, `The lora adapter '${name}' has already been loaded.`);
        models.push({ id: name, root, parent: 'm0' });
        return say(200, `Success: LoRA adapter '${name}' added successfully.`);
      case '/v1/unload_lora_adapter':
        if (at < 0) return refuse(404, `The lora adapter '${name}' cannot be found.`);
        models.splice(at, 1);
        return say(200, `Success: LoRA adapter '${name}' removed successfully.`);
      case '/load_model':
        models.push({ id: model, status: { value: 'loaded' } });
        return say(200, `data: {"status": "loading", "model": "${model}"}\n\ndata: {"status": "ready"}\n\n`);
      case '/v1/completions':
        if (!models.some(({ id }) => id === model))
          return refuse(404, `The model \`${model}\` does not exist.`);
        return say(200, {
          model,
          choices: [{ index: 0, text: says(model, body), finish_reason: 'stop' }],
          usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
        });
      default:
        return say(404, { detail: 'Not Found' });
    }
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    models,
    calls,
    async close() {
      const ended = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await ended;
    },
  };
}

/** Checkpoints below a folder: the start, and adapters or whole checkpoints that were trained from it. */
export async function checkpoints(folder: string) {
  const base = join(folder, 'base');
  await cp('seed/model', base, { recursive: true });
  const { parameters, files } = await openCheckpoint(base);
  const own = join(folder, 'checkpoints');
  return {
    base,
    own,
    /** Each seed other weights. */
    async adapter(name: string, seed: number): Promise<string> {
      const adapter = new Adapter(parameters.config, { rank: 1, alpha: 1, targets: ['q_proj'] });
      initialiseAdapter(adapter, random(seed));
      await writeAdapter(join(own, name), adapter, { base, extraFiles: files });
      return join(own, name);
    },
    async whole(name: string, seed: number): Promise<string> {
      parameters.flat[0] = seed;
      await writeCheckpoint(join(own, name), parameters, { extraFiles: files });
      return join(own, name);
    },
  };
}

const request = (key: string): GenerateRequest => ({
  key,
  prompt: userPrompt('Say.'),
  seed: 1,
  temperature: 0,
  topP: 1,
  maxTokens: 4,
});

/** What a model answers to one request. */
export async function ask(model: Model, key = 'one'): Promise<string> {
  let text = '';
  for await (const generation of model.generate([request(key)]))
    text += generation.text + (generation.error ?? '');
  return text;
}
