import type { Device } from '../engine/device.ts';
import type { Quantization } from '../engine/quantization.ts';
import type { Model } from '../model.ts';
import { withEngineErrors } from './local/engine-failure.ts';

export interface EmbeddedOptions {
  readonly device?: Device;
  readonly quantization?: Quantization;
  /** Told when it is closed, where prompts had words that are none of the vocabulary's. */
  readonly onForeign?: (asked: { prompts: number; foreign: number; tokens: number }) => void;
}

/** A Hugging Face folder of the Llama architecture, or a PEFT adapter of one, as a model that runs in this process; `close` ends
 * its threads. With `quantization` its matrix products are computed in 8-bit integers, and its revision says so. The engine is
 * loaded here, not with the package. Throws EvalPlannerError: `usage` where its runtime is not installed, `model` or `disk` for a
 * folder that cannot be read, or a device that is missing or computes other numbers than the CPU. */
export async function openEmbedded(
  dir: string,
  { device, quantization, onForeign }: EmbeddedOptions = {},
): Promise<Model> {
  const [{ openCheckpoint }, { EmbeddedModel }, { openPool }] = await withEngineErrors(() =>
    Promise.all([import('./local/checkpoint.ts'), import('./embedded.ts'), import('./local/pool.ts')]),
  );
  const { parameters, tokenizer, files } = await openCheckpoint(dir);
  const pool = await openPool({ device, quantization }, 'sampling');
  const model = new EmbeddedModel(pool, parameters, tokenizer, files);
  return {
    revision: model.revision,
    prefills: model.prefills,
    generate: (requests, options) => model.generate(requests, options),
    close: async () => {
      if (model.asked.foreign > 0) onForeign?.({ ...model.asked, tokens: tokenizer.largest + 1 });
      await pool.close();
    },
  };
}
