import { join } from 'node:path';
import { describeAdapter, isAdapterFolder } from '../../engine/lora/checkpoint.ts';
import { contents, current, readText } from '../../engine/model-folder.ts';
import { EvalPlannerError } from '../../errors.ts';
import { filesOf, onHub } from './checkpoint.ts';
import { withEngineErrors } from './engine-failure.ts';
import { localPlace } from './hub.ts';
import { openTokenizer } from './open-tokenizer.ts';
import type { Tokenizer } from './tokenizer.ts';

/** A model that another program trains, without a tensor of it. */
export interface Start {
  /** The folder of the weights, or their GGUF file. */
  readonly base: string;
  /** The folder of the adapter that is put on them, if there is one. */
  readonly adapter: string | null;
  readonly tokenizer: Tokenizer;
  /** The tokenizer's files as text, by name. */
  readonly files: Readonly<Record<string, string>>;
}

/** Where a model lies and how it reads texts; of any family, since no weight is looked at. Throws EvalPlannerError. */
export async function openStart(name: string): Promise<Start> {
  return withEngineErrors(async () => {
    const dir = await localPlace(name);
    const adapter = (await isAdapterFolder(dir)) ? dir : null;
    const base = adapter === null ? dir : (await describeAdapter(adapter, onHub)).base;
    const own = await filesOf(dir);
    const files = own['tokenizer.json'] === undefined ? await filesOf(base) : own;
    return { base, adapter, files, tokenizer: openTokenizer(dir, files) };
  });
}

/** The token that ends a text, and the positions that there are, as the folder of a checkpoint tells them. */
export async function readLimits(
  folder: string,
  tokenizer: Pick<Tokenizer, 'eos'>,
): Promise<{ readonly eos: number; readonly positions: number }> {
  return withEngineErrors(async () => {
    const dir = await current(folder);
    const names = (await contents(dir)) ?? [];
    const read = async (name: string): Promise<Readonly<Record<string, unknown>>> =>
      names.includes(name) ? JSON.parse(await readText(join(dir, name))) : {};
    const [config, generation] = [await read('config.json'), await read('generation_config.json')];
    // Of models that see as well, what is of their texts.
    const text = { ...config, ...(config.text_config as object | undefined) } as typeof config;
    const [ends] = [generation.eos_token_id, text.eos_token_id].filter((ids) => ids != null);
    const [first] = [ends].flat() as (number | undefined)[];
    const eos = tokenizer.eos ?? first;
    if (eos === undefined)
      throw new EvalPlannerError(
        'model',
        `nothing in ${folder} says which token ends a text`,
        'give its config.json an eos_token_id',
      );
    const positions = Number(text.max_position_embeddings ?? Number.POSITIVE_INFINITY);
    return { eos, positions };
  });
}
