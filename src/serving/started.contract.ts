import { join } from 'node:path';
import OpenAI from 'openai';
import { Pool } from '../engine/parallel/pool.ts';
import { type Checkpoint, openCheckpoint } from '../model/local/checkpoint.ts';
import { chatTemplate } from '../prompts/chat-template.ts';
import { Generator, type Limits } from './generation.ts';
import { type RunningServer, type ServerOptions, startServer } from './server.ts';

export interface Started {
  readonly checkpoint: Checkpoint;
  readonly generator: Generator;
  readonly server: RunningServer;
  readonly client: OpenAI;
  close(): Promise<void>;
}

/** The real server on the seed model, in this process, on a port of its own. */
export async function started(
  options: Partial<ServerOptions> & {
    readonly limits?: Partial<Limits>;
    readonly files?: Readonly<Record<string, string>>;
  } = {},
): Promise<Started> {
  const checkpoint = await openCheckpoint(join(import.meta.dirname, '../../seed/model'));
  const { parameters, tokenizer, files } = checkpoint;
  const pool = new Pool();
  const limits = { context: 256, slots: 8, queue: 1000, ...options.limits };
  const generator = new Generator(pool, parameters, tokenizer, limits);
  const server = await startServer(
    {
      name: 'm0',
      revision: 'revision',
      tokenizer,
      template: chatTemplate({ ...files, ...options.files }),
      generator,
      vocabSize: parameters.config.vocabSize,
    },
    {
      host: '127.0.0.1',
      port: 0,
      onBug: (error) => {
        throw error;
      },
      ...options,
    },
  );
  const client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: options.apiKey ?? 'none', maxRetries: 0 });
  return {
    checkpoint,
    generator,
    server,
    client,
    async close() {
      await server.close(0);
      generator.end();
      await pool.close();
    },
  };
}

/** Wait for what another thread or socket brings about. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
