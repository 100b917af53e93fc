import { join } from 'node:path';
import type { ServeChoice } from '../config/serve.ts';
import { type Loader, ServedModels, type ServedOptions } from '../model/served/served.ts';
import type { Trainer } from '../trainer.ts';

/** The server of a run's judges; null where this process samples them. `start`: the place of M0. */
export async function openServe(
  choice: ServeChoice,
  { start, folder }: { readonly start: string; readonly folder: string },
): Promise<ServedModels | null> {
  if (choice === 'embedded') return null;
  const { concurrency, timeout, body, apiKeyEnv, apiKeyFile } = choice;
  const keys = { ...(apiKeyEnv ? { apiKeyEnv } : {}), ...(apiKeyFile ? { apiKeyFile } : {}) };
  const options: ServedOptions = {
    ...keys,
    ...(choice.kind === 'transformers' ? {} : { seeds: choice.seeds }),
    ...(body ? { body } : {}),
    ...(concurrency ? { maxConcurrency: concurrency, initialConcurrency: Math.min(32, concurrency) } : {}),
    ...(timeout ? { timeout: timeout * 1000 } : {}),
    notice: (message) => void process.stderr.write(`note: ${message}\n`),
  };
  return new ServedModels(await openLoader(choice, start, folder, keys), options);
}

async function openLoader(
  choice: Exclude<ServeChoice, 'embedded'>,
  start: string,
  folder: string,
  keys: Pick<ServedOptions, 'apiKeyEnv' | 'apiKeyFile'>,
): Promise<Loader> {
  switch (choice.kind) {
    case 'vllm': {
      const { VllmLora } = await import('../model/served/vllm-lora.ts');
      const own = join(folder, 'checkpoints');
      return new VllmLora({ ...keys, url: [choice.url].flat(), base: choice.base, start, own });
    }
    case 'restart': {
      const { Restart } = await import('../model/served/restart.ts');
      const { command, url, port, prefill, startSeconds } = choice;
      return new Restart({
        ...keys,
        command,
        url: url === undefined ? undefined : [url].flat(),
        port,
        prefill,
        startTimeout: startSeconds * 1000,
        log: join(folder, 'serve.log'),
      });
    }
    case 'transformers': {
      const { TransformersServe } = await import('../model/served/transformers.ts');
      return new TransformersServe({ ...keys, url: choice.url, links: join(folder, 'served') });
    }
  }
}

/** A trainer whose trainings have this machine to themselves: a server that was started here is ended first. */
export function restingFor(trainer: Trainer, served: ServedModels): Trainer {
  return {
    kinds: trainer.kinds,
    async train(...of) {
      await served.rest();
      return trainer.train(...of);
    },
    ...(trainer.refuses
      ? { refuses: (...of) => (trainer.refuses as NonNullable<Trainer['refuses']>)(...of) }
      : {}),
    ...(trainer.ready ? { ready: () => (trainer.ready as NonNullable<Trainer['ready']>)() } : {}),
    close: () => trainer.close(),
  };
}
