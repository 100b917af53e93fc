import { createHash } from 'node:crypto';
import { isAbsolute, join, resolve } from 'node:path';
import { CheckpointError, shown } from '../errors.ts';
import { ggufAt } from '../gguf/file.ts';
import { revision } from '../llama/checkpoint.ts';
import type { LlamaConfig } from '../llama/config.ts';
import type { BaseParameters, Parameters } from '../llama/parameters.ts';
import { readModel } from '../llama/read.ts';
import { ADAPTER_CONFIG, CONFIG, contents, current, readText, writeModelFolder } from '../model-folder.ts';
import { checkFinite, openSafetensors, type SafetensorsFile } from '../safetensors.ts';
import { bytesOf } from '../tensors.ts';
import { Adapter, allLinear, type LoraConfig, loraShapes, unknownTargets } from './adapter.ts';
import { type AdapterDescription, type LoraBase, loraFromJson, loraToJson } from './config-json.ts';

const WEIGHTS = 'adapter_model.safetensors';

/** Whether a folder holds an adapter. One that holds a checkpoint too is an adapter, as transformers has it. */
export async function isAdapterFolder(dir: string): Promise<boolean> {
  return (
    (await ggufAt(dir)) === null && ((await contents(await current(dir))) ?? []).includes(ADAPTER_CONFIG)
  );
}

export interface AdaptedModel<Base extends BaseParameters = Parameters> {
  /** The base's weights, without the adapter. */
  readonly parameters: Base;
  readonly adapter: Adapter;
  /** The base's folder, or its GGUF file. */
  readonly base: string;
}

/** Where a model lies that is called by its name on the Hugging Face hub. */
export type FindModel = (name: string, revision?: string) => Promise<string>;

/** Read a PEFT adapter and the base that its adapter_config.json names: a folder, or else a model that `find` has; throws
 * CheckpointError. */
export function readAdapter(dir: string, find?: FindModel): Promise<AdaptedModel> {
  return readAdapterOn(dir, readModel, find);
}

/** The base of an adapter, its folder or GGUF file, without a look at any weights. */
export async function adapterBase(dir: string, find?: FindModel): Promise<string> {
  const folder = await current(dir);
  const path = join(folder, ADAPTER_CONFIG);
  return baseFolder(folder, loraFromJson(path, await readText(path)), find);
}

/** The same, with the base read in one's own way. */
export async function readAdapterOn<Base extends BaseParameters>(
  dir: string,
  read: (base: string) => Promise<Base>,
  find?: FindModel,
): Promise<AdaptedModel<Base>> {
  const folder = await current(dir);
  const path = join(folder, ADAPTER_CONFIG);
  const { lora: asked, base } = await describeAdapter(folder, find);
  const parameters = await read(base);
  const targets = asked.targets === 'all-linear' ? allLinear(parameters.config) : asked.targets;
  const lora = { ...asked, targets };
  const files = (await contents(folder)) ?? [];
  if (!files.includes(WEIGHTS)) {
    const remedy = 'Save the adapter again with a current PEFT, which writes safetensors.';
    throw new CheckpointError('format', `${folder} holds no ${WEIGHTS}`, remedy);
  }
  const file = await openSafetensors(join(folder, WEIGHTS));
  try {
    checkTargets(path, parameters.config, lora);
    checkTensors(folder, parameters.config, lora, file);
    const adapter = new Adapter(parameters.config, lora);
    for (const { name } of adapter.shapes) {
      checkFinite(folder, name, await file.read(name, adapter.get(name)));
    }
    return { parameters, adapter, base };
  } finally {
    await file.close();
  }
}

/** What an adapter is, and the folder or GGUF file of its base, without a tensor of either. */
export async function describeAdapter(
  dir: string,
  find?: FindModel,
): Promise<{ readonly lora: AdapterDescription['lora']; readonly base: string }> {
  const folder = await current(dir);
  const path = join(folder, ADAPTER_CONFIG);
  const { lora, ...named } = loraFromJson(path, await readText(path));
  return { lora, base: await baseFolder(folder, named, find) };
}

/** The folder or GGUF file that base_model_name_or_path means: an absolute one, or a relative one, from the adapter's folder
 * or from where the process runs, as PEFT reads it; where there is none, the model of that name. */
async function baseFolder(
  adapter: string,
  { base: named, revision }: LoraBase,
  find?: FindModel,
): Promise<string> {
  const candidates = isAbsolute(named) ? [named] : [resolve(adapter, named), resolve(named)];
  const path = join(adapter, ADAPTER_CONFIG);
  for (const folder of candidates) {
    if ((await ggufAt(folder)) !== null) return folder;
    const files = await contents(await current(folder));
    if (files === null) continue;
    if (files.includes(CONFIG)) return folder;
    if (files.includes(ADAPTER_CONFIG)) {
      const remedy = 'Merge that adapter into its base first, and put the merged folder into the config.';
      throw new CheckpointError(
        'unsupported',
        `${path}: its base ${shown(named)} is itself an adapter`,
        remedy,
      );
    }
  }
  if (find !== undefined && /^\w[\w.-]*\/\w[\w.-]*$/.test(named)) return find(named, revision);
  throw new CheckpointError(
    'format',
    `${path}: base_model_name_or_path is ${shown(named)}, and there is no checkpoint in a folder of that name`,
    'Set base_model_name_or_path to the folder of the model that it was trained on, or to its name on the hub, OWNER/NAME.',
  );
}

function checkTargets(path: string, model: LlamaConfig, { targets }: LoraConfig): void {
  const [unknown] = unknownTargets(model, targets);
  if (unknown === undefined) return;
  const what = `target_modules has ${shown(unknown)}; the base's linear layers are ${allLinear(model).join(', ')}`;
  const remedy =
    'Use the base that it was trained on, or merge it into its base with PEFT (merge_and_unload).';
  throw new CheckpointError('unsupported', `${path}: ${what}`, remedy);
}

/** Every tensor of the adapter is there, in its shape, and nothing else is: before memory is taken for them. */
function checkTensors(folder: string, model: LlamaConfig, lora: LoraConfig, file: SafetensorsFile): void {
  const fault = (what: string) => {
    const remedy = 'Adapter, adapter_config.json and base disagree: use the base that it was trained on.';
    return new CheckpointError('format', `${folder}: ${what}`, remedy);
  };
  const shapes = loraShapes(model, lora);
  for (const { name, shape } of shapes) {
    const found = file.entries.get(name)?.shape;
    if (!found) throw fault(`${WEIGHTS} has no ${name}`);
    if (found.join() !== shape.join()) {
      throw fault(`${name} is ${shown(found)} where base and rank ask for ${shown(shape)}`);
    }
  }
  const known = new Set(shapes.map(({ name }) => name));
  const unexpected = [...file.entries.keys()].find((name) => !known.has(name));
  if (unexpected !== undefined) {
    throw fault(`${WEIGHTS} has ${shown(unexpected)}, which an adapter of this config does not have`);
  }
}

export interface WriteAdapterOptions extends LoraBase {
  /** Further files of the folder, by name: the tokenizer's, as text. */
  readonly extraFiles?: Readonly<Record<string, string>>;
}

/** Write an adapter as PEFT does. The folder appears as a whole or not at all; throws CheckpointError. */
export async function writeAdapter(
  dir: string,
  adapter: Adapter,
  { base, revision, extraFiles = {} }: WriteAdapterOptions,
): Promise<void> {
  // A model of the hub comes with its revision, and stays one wherever the adapter goes.
  const named = revision === undefined ? { base: resolve(base) } : { base, revision };
  const config = `${JSON.stringify(loraToJson(adapter.lora, named), null, 2)}\n`;
  const texts = { [ADAPTER_CONFIG]: config };
  await writeModelFolder(dir, { texts, extraFiles, weights: WEIGHTS, tensors: adapter });
}

/** What identifies a model that an adapter is trained on; other than `revision` of the two merged. */
export function adaptedRevision(parameters: BaseParameters, adapter: Adapter): string {
  const hash = createHash('sha256').update(JSON.stringify([revision(parameters), adapter.lora]));
  for (const bytes of bytesOf(adapter.flat)) hash.update(bytes);
  return hash.digest('hex').slice(0, 16);
}
