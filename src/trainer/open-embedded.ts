import type { Device } from '../engine/device.ts';
import { withEngineErrors } from '../model/local/engine-failure.ts';
import type { Trainer } from '../trainer.ts';

/** The trainer that runs in this process. The engine is loaded here, not with the package. Throws
 * EvalPlannerError: `usage` where its runtime is not installed, `model` for a device that is missing or computes other numbers than
 * the CPU. */
export async function openEmbeddedTrainer({ device }: { readonly device?: Device } = {}): Promise<Trainer> {
  const [{ openPool }, { EmbeddedTrainer }] = await withEngineErrors(() =>
    Promise.all([import('../model/local/pool.ts'), import('./embedded.ts')]),
  );
  return new EmbeddedTrainer(await openPool({ device }, 'training'));
}
