import { hash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../rows/sha256.ts';
import type { Trainer } from '../../trainer.ts';
import { OPTIMISATION, writeStart } from '../start.contract.ts';
import type { UnderTest } from '../trainer.contract.ts';
import { MadeUpTogether } from './server.contract.ts';
import { type TogetherOptions, TogetherTrainer } from './trainer.ts';

/** The tiny model with a chat template: preferences are taken as messages only. */
export async function writeChatStart(folder: string): Promise<void> {
  await writeStart(folder);
  const path = join(folder, 'tokenizer_config.json');
  const config = JSON.parse(await readFile(path, 'utf8')) as object;
  const chat_template = '{% for message in messages %}{{ message.content }}{% endfor %}';
  await writeFile(path, JSON.stringify({ ...config, chat_template }));
}

/** A row of texts as messages. */
export function asMessages(row: object): object {
  const said = (role: string, content: unknown) => [{ role, content }];
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      if (name === 'prompt') return [name, said('user', value)];
      return [name, ['completion', 'chosen', 'rejected'].includes(name) ? said('assistant', value) : value];
    }),
  );
}

/** The same training in another folder is the same job there, and contracts want it done again: a job a folder. */
export function contractTrainer(options: TogetherOptions): Trainer {
  const { kinds } = new TogetherTrainer(options);
  return {
    kinds,
    train: (job, ...more) =>
      new TogetherTrainer({ ...options, suffix: hash('sha256', job.out).slice(0, 12) }).train(job, ...more),
    close: async () => {},
  };
}

export const optionsOf = (model: string, baseUrl: string) => ({
  model: 'made/Up-1B',
  base: model,
  baseUrl,
  poll: 1,
});

/** A trainer and the service that it asks; `done` looks at the service in the end. A child process finds it by the environment. */
export async function underTest(folder: string, done: (server: MadeUpTogether) => void): Promise<UnderTest> {
  const model = join(folder, 'M0');
  await writeChatStart(model);
  const server = await MadeUpTogether.start(model);
  const options = optionsOf(model, server.baseUrl);
  process.env.MADE_UP_TOGETHER = JSON.stringify(options);
  return {
    trainer: contractTrainer(options),
    model,
    optimisation: OPTIMISATION,
    row: asMessages,
    // Where it is from is another job each time.
    digest: (checkpoint) => sha256(join(checkpoint, 'model.safetensors')),
    async close() {
      server.close();
      done(server);
    },
  };
}
