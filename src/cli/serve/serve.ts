import { totalmem } from 'node:os';
import type { Device } from '../../engine/device.ts';
import { WORKERS } from '../../engine/parallel/pool.ts';
import type { Quantization } from '../../engine/quantization.ts';
import { EvalPlannerError } from '../../errors.ts';
import { sampledRevision } from '../../model/embedded.ts';
import { openCheckpoint } from '../../model/local/checkpoint.ts';
import { localPlace } from '../../model/local/hub.ts';
import { openPool } from '../../model/local/pool.ts';
import { folderOf, inFolder } from '../../open/names.ts';
import { readJudgeFile } from '../../pipeline/judge-file.ts';
import { chatTemplate } from '../../prompts/chat-template.ts';
import { Generator } from '../../serving/generation.ts';
import { type LimitOptions, limitsFor } from '../../serving/limits.ts';
import { isLoopback, startServer } from '../../serving/server.ts';
import { clientKey } from '../client-key.ts';
import { explain } from '../failure.ts';
import { print, printable } from '../terminal.ts';

export interface ServeOptions extends LimitOptions {
  readonly device: Device;
  readonly quantization?: Quantization;
  readonly host: string;
  readonly port: number;
  readonly servedModelName?: string;
  readonly apiKeyEnv?: string;
  readonly json?: boolean;
  readonly debug?: boolean;
}

/** Milliseconds that requests in flight have to end after Ctrl-C. */
const GRACE = 10_000;

/** `evalplanner serve`: until Ctrl-C, which is how it ends well. */
export async function serve(model: string, options: ServeOptions, signal: AbortSignal): Promise<void> {
  const { host, port, json, debug = false } = options;
  const apiKey = clientKey(options.apiKeyEnv);
  const folder = folderOf(model, 'serve runs');
  const { parameters, tokenizer, files } = await inFolder(model, folder, openCheckpoint);
  const judge = await readJudgeFile(await localPlace(folder));
  const limit = process.constrainedMemory();
  const memory = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  const { config } = parameters;
  const limits = limitsFor(config, options, memory);
  const template = chatTemplate(files);
  const name = options.servedModelName ?? model;

  const pool = await openPool(options, 'sampling');
  try {
    const failure = Promise.withResolvers<never>();
    // It is awaited below; until then a failure is not unhandled.
    failure.promise.catch(() => {});
    const generator = new Generator(pool, parameters, tokenizer, limits, (error) => {
      const message = `the engine has stopped: ${error.message}`;
      failure.reject(new EvalPlannerError('model', message, 'start the server again', error));
    });
    const server = await startServer(
      {
        name,
        revision: sampledRevision(pool, parameters),
        tokenizer,
        template,
        generator,
        vocabSize: config.vocabSize,
        ...(judge ? { judge } : {}),
      },
      { host, port, apiKey, onBug: (error) => process.stderr.write(explain(error, { debug })) },
    );
    const { context, slots } = limits;
    const asked = judge ? `, a judge of the form ${judge.form}` : '';
    await print(
      json
        ? `${JSON.stringify({ url: server.url, model: name, context, sequences: slots * WORKERS, judge })}\n`
        : `serving ${printable(name)}${asked} at ${server.url}/v1: ${context} tokens, ${slots * WORKERS} sequences at a time; Ctrl-C ends it\n`,
    );
    if (!isLoopback(host) && apiKey === undefined) {
      process.stderr.write(
        'warning: everybody who reaches this machine can use the model; see --api-key-env\n',
      );
    }
    const stopped = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve());
    });
    try {
      await Promise.race([stopped, failure.promise]);
    } finally {
      await server.close(GRACE);
      generator.end();
    }
  } finally {
    await pool.close();
  }
}
