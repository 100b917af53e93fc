import { Pool } from '../engine/parallel/pool.ts';
import type { Model } from '../model.ts';
import { openCheckpoint } from './checkpoint.ts';
import { EmbeddedModel } from './embedded.ts';

/** A Hugging Face folder of the Llama architecture as a model that runs in this process; `close` ends its threads.
 * Throws EvalPlannerError (`model`, `disk`) for a folder that cannot be read. */
export async function openEmbedded(dir: string): Promise<Model> {
  const { parameters, tokenizer } = await openCheckpoint(dir);
  const pool = new Pool();
  const model = new EmbeddedModel(pool, parameters, tokenizer);
  return {
    revision: model.revision,
    generate: (requests, signal) => model.generate(requests, signal),
    close: () => pool.close(),
  };
}
