import { createHash } from 'node:crypto';
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { CheckpointError, shown } from '../errors.ts';
import { CONFIG, contents, current, readText, writeModelFolder } from '../model-folder.ts';
import { checkFinite, openSafetensors, type SafetensorsFile } from '../safetensors.ts';
import { bytesOf, totalSize } from '../tensors.ts';
import type { LlamaConfig } from './config.ts';
import { configFromJson, configText, generationConfig, modelToJson } from './config-json.ts';
import {
  type BaseParameters,
  HalfParameters,
  Parameters,
  parameterCount,
  parameterShapes,
} from './parameters.ts';

const GENERATION = 'generation_config.json';
const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
const HEAD = 'lm_head.weight';

const DOWNLOAD = 'Download the checkpoint again, all its files.';

/** Which file holds each tensor, by a sharded checkpoint's index. Throws CheckpointError. A shard is a name in the same folder and nothing else. */
export function readIndex(path: string, text: string): Map<string, string> {
  const fault = (what: string, cause?: unknown) =>
    new CheckpointError('format', `${path}: ${what}`, DOWNLOAD, cause);
  let map: unknown;
  try {
    map = (JSON.parse(text) as { weight_map?: unknown } | null)?.weight_map;
  } catch (error) {
    throw fault('it is not JSON', error);
  }
  if (map === null || typeof map !== 'object' || Array.isArray(map)) throw fault('it has no weight_map');
  const shards = Object.entries(map);
  for (const [name, shard] of shards) {
    if (typeof shard !== 'string' || !/^[^/\\:\0]+\.safetensors$/.test(shard))
      throw fault(`its weight_map has ${shown(name)} in ${shown(shard)}, which names no file beside it`);
  }
  return new Map(shards);
}

interface WeightFiles {
  readonly names: readonly string[];
  /** What the index says of each tensor; absent for a single file. */
  readonly index?: ReadonlyMap<string, string>;
}

/** The files of a checkpoint that hold tensors: one, or the shards of an index. */
async function weightFiles(dir: string): Promise<WeightFiles> {
  const files = (await contents(dir)) ?? [];
  if (files.includes(WEIGHTS)) return { names: [WEIGHTS] };
  if (!files.includes(INDEX)) {
    const remedy = files.some((name) => /\.(bin|pt|pth)$/.test(name))
      ? 'Save it again with transformers (safe_serialization is the default), which writes safetensors.'
      : `Copy ${WEIGHTS} there, or choose another folder.`;
    throw new CheckpointError('format', `${dir} holds no ${WEIGHTS}`, remedy);
  }
  const index = readIndex(join(dir, INDEX), await readText(join(dir, INDEX)));
  const names = [...new Set(index.values())];
  const missing = names.filter((name) => !files.includes(name));
  if (missing.length > 0) {
    const message = `${join(dir, INDEX)} names files that are not there: ${some(missing)}`;
    throw new CheckpointError('format', message, DOWNLOAD);
  }
  return { names, index };
}

/** A few names, and how many more there are. */
export function some(names: readonly string[]): string {
  const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
  return names.slice(0, 3).map(shown).join(', ') + more;
}

function disagreement(dir: string, what: string): CheckpointError {
  const remedy = 'config.json and the weights disagree: download or save the checkpoint again as a whole.';
  return new CheckpointError('format', `${dir}: ${what}`, remedy);
}

/** Which file holds each tensor. Every parameter is there once, in its shape and where the index says, and nothing else
 * is. */
function locate(
  dir: string,
  config: LlamaConfig,
  files: ReadonlyMap<string, SafetensorsFile>,
  index?: ReadonlyMap<string, string>,
): Map<string, SafetensorsFile> {
  const owners = new Map<string, SafetensorsFile>();
  for (const file of files.values()) {
    for (const name of file.entries.keys()) {
      if (owners.has(name)) throw disagreement(dir, `two files hold ${shown(name)}`);
      owners.set(name, file);
    }
  }
  for (const [name, shard] of index ?? []) {
    if (owners.get(name) !== files.get(shard)) throw disagreement(dir, `${shown(name)} is not in ${shard}`);
  }
  // Before a list of that many layers is made: config.json may claim anything.
  if (config.numHiddenLayers > owners.size) {
    throw disagreement(dir, `${owners.size} tensors cannot be ${config.numHiddenLayers} layers`);
  }
  const shapes = parameterShapes(config);
  const missing = shapes.filter(({ name }) => !owners.has(name)).map(({ name }) => name);
  if (missing.length > 0) throw disagreement(dir, `missing from the weights: ${some(missing)}`);
  const known = new Set(shapes.map(({ name }) => name));
  // Old exports hold the rotary frequencies, which follow from the config, and a copy of the tied head.
  const redundant = (name: string) =>
    name.endsWith('.rotary_emb.inv_freq') || (config.tieWordEmbeddings && name === HEAD);
  const unexpected = [...owners.keys()].filter((name) => !known.has(name) && !redundant(name));
  if (unexpected.length > 0) {
    throw disagreement(dir, `tensors that a model of this config does not have: ${some(unexpected)}`);
  }
  for (const { name, shape } of shapes) {
    const found = owners.get(name)?.entries.get(name)?.shape ?? [];
    if (found.join() !== shape.join()) {
      throw disagreement(dir, `${name} is ${shown(found)} where config.json asks for ${shown(shape)}`);
    }
  }
  return owners;
}

/** The weights have to fit, whatever they are on disk. Throws CheckpointError; `dir` names the model in it. */
export function checkMemory(dir: string, config: LlamaConfig, half = false): void {
  const needed = parameterCount(config) * (half ? 2 : 4);
  const there = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
  if (needed <= there) return;
  const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(1)} GB`;
  throw new CheckpointError(
    'unsupported',
    `${dir}: its weights take ${gigabytes(needed)} as float${half ? 16 : 32}; this machine has ${gigabytes(there)}`,
    'Use a smaller checkpoint, or serve this one, with vLLM or another server, and name it openai:NAME@URL.',
  );
}

/** From so many weights on it counts what they are kept in; Node 22 has no halves. */
const LARGE = 'Float16Array' in globalThis ? 64e6 : Number.POSITIVE_INFINITY;

/** Read a Hugging Face folder of a checkpoint; throws CheckpointError. */
export async function readCheckpoint(dir: string): Promise<Parameters> {
  return (await readWeights(dir, Number.POSITIVE_INFINITY)) as Parameters;
}

/** The same of weights that will not change: many that are stored in 16 bits are kept so. */
export function readFrozen(dir: string, many = LARGE): Promise<BaseParameters> {
  return readWeights(dir, many);
}

/** In 16 bits from so many weights on, where they are stored so. */
async function readWeights(dir: string, many: number): Promise<BaseParameters> {
  return withWeights(dir, async ({ folder, config, owners }) => {
    const narrow = [...owners].every(([name, file]) => NARROW.has(file.entries.get(name)?.dtype ?? ''));
    const half = narrow && totalSize(parameterShapes(config)) >= many;
    checkMemory(folder, config, half);
    const parameters = half ? new HalfParameters(config) : new Parameters(config);
    for (const { name } of parameters.shapes) {
      const file = owners.get(name) as SafetensorsFile;
      if (parameters instanceof HalfParameters) await readHalf(folder, name, file, parameters.get(name));
      else checkFinite(folder, name, await file.read(name, parameters.get(name)));
    }
    const copy = config.tieWordEmbeddings ? await owners.get(HEAD)?.read(HEAD) : undefined;
    const embedding = parameters.get('model.embed_tokens.weight');
    const kept = half ? Math.f16round : (value: number) => value;
    if (copy && (copy.length !== embedding.length || copy.some((value, i) => kept(value) !== embedding[i]))) {
      throw disagreement(folder, `tie_word_embeddings is true, but ${HEAD} differs from the embeddings`);
    }
    return parameters;
  });
}

interface OpenWeights {
  readonly folder: string;
  readonly config: LlamaConfig;
  /** The file of each tensor. */
  readonly owners: ReadonlyMap<string, SafetensorsFile>;
}

/** Works with the weights of a folder before any is read, then closes its files. */
async function withWeights<T>(dir: string, work: (weights: OpenWeights) => Promise<T>): Promise<T> {
  const folder = await current(dir);
  const path = join(folder, CONFIG);
  const generation = join(folder, GENERATION);
  const hasGeneration = (await contents(folder))?.includes(GENERATION) ?? false;
  const config = configFromJson(
    path,
    await readText(path),
    hasGeneration ? { path: generation, text: await readText(generation) } : undefined,
  );
  const files = new Map<string, SafetensorsFile>();
  try {
    const { names, index } = await weightFiles(folder);
    for (const name of names) files.set(name, await openSafetensors(join(folder, name)));
    return await work({ folder, config, owners: locate(folder, config, files, index) });
  } finally {
    await Promise.all([...files.values()].map((file) => file.close()));
  }
}

/** Types of 16 bits, by their names in a file. */
const NARROW: ReadonlySet<string> = new Set(['F16', 'BF16']);

async function readHalf(
  folder: string,
  name: string,
  file: SafetensorsFile,
  half: Float16Array<SharedArrayBuffer>,
): Promise<void> {
  const wide = await file.read(name);
  checkFinite(folder, name, wide);
  half.set(wide);
  (wide.buffer as ArrayBuffer).transfer(0);
  if (half.every(Number.isFinite)) return;
  throw new CheckpointError(
    'unsupported',
    `${folder}: ${name} holds numbers beyond 65,504, the largest of float16`,
    'Convert the checkpoint to float32: its weights are then kept so.',
  );
}

export interface WriteOptions {
  /** Further files of the folder, by name: the tokenizer's, as text. */
  readonly extraFiles?: Readonly<Record<string, string>>;
}

/** Write a Hugging Face folder. It appears under its name as a whole or not at all; a checkpoint that was there before
 * is replaced, with all its files. Throws CheckpointError. */
export async function writeCheckpoint(
  dir: string,
  parameters: Parameters,
  { extraFiles = {} }: WriteOptions = {},
): Promise<void> {
  const texts = {
    [CONFIG]: configText(parameters.config),
    [GENERATION]: `${JSON.stringify(generationConfig(parameters.config), null, 2)}\n`,
  };
  await writeModelFolder(dir, { texts, extraFiles, weights: WEIGHTS, tensors: parameters });
}

/** What identifies a model: 16 hexadecimal digits of the SHA-256 of all that its output depends on, config and weights. */
export function revision(parameters: BaseParameters): string {
  const hash = createHash('sha256').update(JSON.stringify(modelToJson(parameters.config)));
  for (const bytes of bytesOf(parameters.flat)) hash.update(bytes);
  return hash.digest('hex').slice(0, 16);
}

/** The same of a folder, whose weights are read a tensor at a time: it may be larger than this machine's memory. `as`: the config that
 * counts, where it is not that of the folder alone. Throws CheckpointError. */
export function folderRevision(dir: string, as = (config: LlamaConfig) => config): Promise<string> {
  return withWeights(dir, async ({ folder, config, owners }) => {
    const hash = createHash('sha256').update(JSON.stringify(modelToJson(as(config))));
    for (const { name } of parameterShapes(config)) {
      const values = await (owners.get(name) as SafetensorsFile).read(name);
      checkFinite(folder, name, values);
      for (const bytes of bytesOf(values)) hash.update(bytes);
    }
    return hash.digest('hex').slice(0, 16);
  });
}
