import type { TrainerChoice } from '../config/trainer.ts';
import { isTrainer } from '../config/trainer.ts';
import type { Pool } from '../engine/parallel/pool.ts';
import type { Trainer } from '../trainer.ts';

/** The trainer that a config names. `pool` gives the threads of the built-in engine, which only the embedded one asks for; `start` is
 * where M0 lies on this machine, null where it does not. */
export async function openTrainer(
  choice: TrainerChoice,
  pool: () => Pool,
  start: string | null,
): Promise<Trainer> {
  // One of the caller's own is the caller's to close.
  if (isTrainer(choice)) return bound(choice);
  if (choice === 'embedded') {
    const { EmbeddedTrainer } = await import('../trainer/embedded.ts');
    return new EmbeddedTrainer(pool());
  }
  switch (choice.kind) {
    case 'trl': {
      const { TrlTrainer } = await import('../trainer/trl/trainer.ts');
      const { kind: _, ...options } = choice;
      return new TrlTrainer(options);
    }
    case 'ray': {
      const { RayTrainer } = await import('../trainer/ray/trainer.ts');
      const { kind: _, ...options } = choice;
      return new RayTrainer(options);
    }
    case 'together': {
      const { TogetherTrainer } = await import('../trainer/together/trainer.ts');
      const { kind: _, apiKeyEnv, apiKeyFile, ...options } = choice;
      return new TogetherTrainer({
        ...options,
        ...(apiKeyEnv === undefined ? {} : { apiKeyEnv }),
        ...(apiKeyFile === undefined ? {} : { apiKeyFile }),
        ...(start === null ? {} : { base: start }),
      });
    }
  }
}

/** Its methods, whatever class it is of. */
const bound = (trainer: Trainer): Trainer => ({
  kinds: trainer.kinds,
  train: (...of) => trainer.train(...of),
  ...(trainer.refuses
    ? { refuses: (...of) => (trainer.refuses as NonNullable<Trainer['refuses']>)(...of) }
    : {}),
  ...(trainer.ready ? { ready: () => (trainer.ready as NonNullable<Trainer['ready']>)() } : {}),
  close: async () => {},
});
