import { availableParallelism } from 'node:os';
import { ggufAt, openGguf } from '../../engine/gguf/file.ts';
import type { LlamaConfig } from '../../engine/llama/config.ts';
import type { BaseParameters, Parameters } from '../../engine/llama/parameters.ts';
import { readFrozenModel, readModel } from '../../engine/llama/read.ts';
import type { Adapter } from '../../engine/lora/adapter.ts';
import { isAdapterFolder, readAdapterOn } from '../../engine/lora/checkpoint.ts';
import { tokenizerFiles } from '../../engine/model-folder.ts';
import { EvalPlannerError } from '../../errors.ts';
import { withEngineErrors } from './engine-failure.ts';
import { tokenizerOfGguf } from './gguf-tokenizer.ts';
import { hubOrigin, localPlace } from './hub.ts';
import { openTokenizer } from './open-tokenizer.ts';
import type { Tokenizer } from './tokenizer.ts';

export interface Checkpoint<Weights extends BaseParameters = Parameters> {
  readonly parameters: Weights;
  readonly tokenizer: Tokenizer;
  /** The tokenizer's files as text, by name: they belong into every checkpoint trained from this one. */
  readonly files: Readonly<Record<string, string>>;
}

/** A Hugging Face folder, a GGUF file, or a PEFT adapter and its base as the one model that they are; `hf:OWNER/NAME` is one on the hub. */
export async function openCheckpoint(name: string): Promise<Checkpoint> {
  return withEngineErrors(async () => {
    const { adapter, ...checkpoint } = await openApart(name);
    if (adapter) {
      // The runtime is loaded where it computes, not with the package.
      const { mergeAdapter } = await import('../../engine/lora/merge.ts');
      await mergeAdapter(checkpoint.parameters, adapter, availableParallelism());
    }
    return checkpoint;
  });
}

export interface ApartCheckpoint<Weights extends BaseParameters = Parameters> extends Checkpoint<Weights> {
  /** What is put on the weights of `parameters`, where the folder is an adapter's. */
  readonly adapter?: Adapter;
  /** The folder of `parameters`. */
  readonly base: string;
}

/** The same with an adapter left apart from its base, to be trained further. */
export function openApart(name: string): Promise<ApartCheckpoint> {
  return openWith(name, readModel);
}

/** The same where the weights below the adapter will not change; see readFrozen. */
export function openFrozen(name: string): Promise<ApartCheckpoint<BaseParameters>> {
  return openWith(name, readFrozenModel);
}

/** A base that is called by its name on the hub. */
export const onHub = (id: string, revision?: string) =>
  localPlace(`hf:${id}${revision ? `@${revision}` : ''}`);

async function openWith<Weights extends BaseParameters>(
  name: string,
  read: (dir: string) => Promise<Weights>,
): Promise<ApartCheckpoint<Weights>> {
  return withEngineErrors(async () => {
    const dir = await localPlace(name);
    const model: Pick<ApartCheckpoint<Weights>, 'parameters' | 'adapter' | 'base'> = (await isAdapterFolder(
      dir,
    ))
      ? await readAdapterOn(dir, read, onHub)
      : { parameters: await read(dir), base: dir };
    // An adapter may come without its tokenizer.
    const own = await filesOf(dir);
    const files = own['tokenizer.json'] === undefined ? await filesOf(model.base) : own;
    const tokenizer = openTokenizer(dir, files);
    const parameters = withTokenizer(dir, model.parameters, tokenizer);
    return { ...model, parameters, files, tokenizer };
  });
}

/** The tokenizer's files of a folder, or those that a GGUF file amounts to. */
export async function filesOf(place: string): Promise<Record<string, string>> {
  const file = await ggufAt(place);
  if (file === null) return tokenizerFiles(place);
  const { metadata, close } = await openGguf(file);
  await close();
  return tokenizerOfGguf(file, metadata);
}

/** The same weights, of a model whose first end of text is that of its tokenizer, as it is for TRL: training ends rows with
 * it, sampling stops at it and at the others, and a checkpoint trained from this one says so. */
function withTokenizer<Weights extends BaseParameters>(
  dir: string,
  parameters: Weights,
  tokenizer: Tokenizer,
): Weights {
  const { config, flat } = parameters;
  const Kind = parameters.constructor as new (config: LlamaConfig, buffer: SharedArrayBuffer) => Weights;
  return new Kind(configWith(dir, config, tokenizer), flat.buffer);
}

/** The config of a model whose first end of text is that of its tokenizer. */
export function configWith(
  dir: string,
  config: LlamaConfig,
  tokenizer: Pick<Tokenizer, 'largest' | 'eos'>,
): LlamaConfig {
  if (tokenizer.largest >= config.vocabSize) {
    throw new EvalPlannerError(
      'model',
      `the tokenizer of ${dir} has the token ${tokenizer.largest}, and its model knows ${config.vocabSize} tokens`,
      'copy the tokenizer of these weights there: tokenizer.json and tokenizer_config.json',
    );
  }
  const own = tokenizer.eos === undefined ? [] : [tokenizer.eos];
  return { ...config, eosTokenIds: [...new Set([...own, ...config.eosTokenIds])] };
}

/** A base as an adapter's config names it: one of the hub by its name there, whoever reads it, and by its commit. */
export function baseNamed(folder: string): { readonly base: string; readonly revision?: string } {
  const origin = hubOrigin(folder);
  return origin === null ? { base: folder } : { base: origin.id, revision: origin.revision };
}
