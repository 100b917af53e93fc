import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { CheckpointError, diskError } from '../errors.ts';
import { openSafetensors, type SafetensorsFile, writeSafetensors } from '../safetensors.ts';
import type { LlamaConfig } from './config.ts';
import { configFromJson, configToJson, generationConfig } from './config-json.ts';
import { Parameters, parameterShapes } from './parameters.ts';

const CONFIG = 'config.json';
const GENERATION = 'generation_config.json';
const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
const HEAD = 'lm_head.weight';
/** What a tokenizer may consist of, beside the model's own files. */
const TOKENIZER = [
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'chat_template.jinja',
];

/** Where the former folder waits while a new one takes its name. */
const previousOf = (dir: string) => join(dirname(dir), `.${basename(dir)}.previous`);

const isMissing = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT';

async function contents(dir: string): Promise<string[] | null> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (isMissing(error)) return null;
    throw diskError('read', dir, error);
  }
}

/** The folder to read: the one of that name, or its predecessor if a writer was killed between two renames. */
async function current(dir: string): Promise<string> {
  const full = resolve(dir);
  return (await contents(full)) === null && (await contents(previousOf(full))) !== null
    ? previousOf(full)
    : full;
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw diskError('read', path, error);
  }
}

/** The files of a checkpoint that hold tensors: one, or the shards of an index. */
async function weightFiles(dir: string): Promise<string[]> {
  const files = (await contents(dir)) ?? [];
  if (files.includes(WEIGHTS)) return [WEIGHTS];
  if (!files.includes(INDEX)) {
    const remedy = files.some((name) => /\.(bin|pt|pth)$/.test(name))
      ? 'Save it again with transformers (safe_serialization is the default), which writes safetensors.'
      : `Copy ${WEIGHTS} there, or choose another folder.`;
    throw new CheckpointError('format', `${dir} holds no ${WEIGHTS}`, remedy);
  }
  const path = join(dir, INDEX);
  const fault = (cause?: unknown) =>
    new CheckpointError('format', `${path} has no sound weight_map`, 'Download the checkpoint again.', cause);
  let map: unknown;
  try {
    map = (JSON.parse(await readText(path)) as { weight_map?: unknown } | null)?.weight_map;
  } catch (error) {
    throw error instanceof CheckpointError ? error : fault(error);
  }
  if (map === null || typeof map !== 'object') throw fault();
  const shards = [...new Set(Object.values(map))];
  if (!shards.every((name) => typeof name === 'string' && name === basename(name))) throw fault();
  return shards as string[];
}

/** A few names, and how many more there are. */
function some(names: readonly string[]): string {
  const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
  return names.slice(0, 3).join(', ') + more;
}

function disagreement(dir: string, what: string): CheckpointError {
  const remedy = 'config.json and the weights disagree: download or save the checkpoint again as a whole.';
  return new CheckpointError('format', `${dir}: ${what}`, remedy);
}

/** Which file holds each tensor. Every parameter is there once, in its shape, and nothing else is. */
function locate(
  dir: string,
  config: LlamaConfig,
  files: readonly SafetensorsFile[],
): Map<string, SafetensorsFile> {
  const owners = new Map<string, SafetensorsFile>();
  for (const file of files) {
    for (const name of file.entries.keys()) {
      if (owners.has(name)) throw disagreement(dir, `two files hold ${name}`);
      owners.set(name, file);
    }
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
    throw disagreement(dir, `tensors that a Llama of this config does not have: ${some(unexpected)}`);
  }
  for (const { name, shape } of shapes) {
    const found = owners.get(name)?.entries.get(name)?.shape ?? [];
    if (found.join() !== shape.join()) {
      throw disagreement(
        dir,
        `${name} is [${found.join(', ')}] where config.json asks for [${shape.join(', ')}]`,
      );
    }
  }
  return owners;
}

/** Read a Hugging Face folder of a Llama checkpoint; throws CheckpointError. */
export async function readCheckpoint(dir: string): Promise<Parameters> {
  const folder = await current(dir);
  const path = join(folder, CONFIG);
  const config = configFromJson(path, await readText(path));
  const files: SafetensorsFile[] = [];
  try {
    for (const name of await weightFiles(folder)) files.push(await openSafetensors(join(folder, name)));
    const owners = locate(folder, config, files);
    const parameters = new Parameters(config);
    for (const { name } of parameters.shapes) {
      parameters.get(name).set(await (owners.get(name) as SafetensorsFile).read(name));
    }
    const copy = config.tieWordEmbeddings ? await owners.get(HEAD)?.read(HEAD) : undefined;
    const embedding = parameters.get('model.embed_tokens.weight');
    if (copy && (copy.length !== embedding.length || copy.some((value, i) => value !== embedding[i]))) {
      throw disagreement(folder, `tie_word_embeddings is true, but ${HEAD} differs from the embeddings`);
    }
    return parameters;
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}

/** The tokenizer's files of a checkpoint folder, to pass on as `extraFiles`. */
export async function tokenizerFiles(dir: string): Promise<Record<string, string>> {
  const folder = await current(dir);
  const names = (await contents(folder)) ?? [];
  const found = TOKENIZER.filter((name) => names.includes(name));
  return Object.fromEntries(
    await Promise.all(found.map(async (name) => [name, await readText(join(folder, name))])),
  );
}

async function flush(path: string): Promise<void> {
  // Windows cannot open a folder; there the rename is durable by itself.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

async function writeText(path: string, content: string): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
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
  const target = resolve(dir);
  const parent = dirname(target);
  const previous = previousOf(target);
  const draftPrefix = `.${basename(target)}.draft-`;
  const draft = join(parent, draftPrefix + randomUUID());
  const own = [CONFIG, GENERATION, WEIGHTS];
  for (const name of Object.keys(extraFiles)) {
    if (name !== basename(name) || ['', '.', '..'].includes(name) || own.includes(name)) {
      throw new Error(`${JSON.stringify(name)} cannot be an extra file of a checkpoint`);
    }
  }
  const present = await contents(target);
  if (present !== null && present.length > 0 && !present.includes(CONFIG)) {
    const remedy = 'Choose another name, or remove that folder.';
    throw new CheckpointError('disk', `${target} exists and is no checkpoint; it is left as it is`, remedy);
  }
  try {
    await mkdir(parent, { recursive: true });
    for (const name of (await contents(parent)) ?? []) {
      // Left behind by a writer that was killed; here so that they cannot fill the disk.
      if (name.startsWith(draftPrefix)) await rm(join(parent, name), { recursive: true, force: true });
    }
    if (present === null && (await contents(previous)) !== null) await rename(previous, target);
    await mkdir(draft);
    const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
    await writeText(join(draft, CONFIG), json(configToJson(parameters.config)));
    await writeText(join(draft, GENERATION), json(generationConfig(parameters.config)));
    for (const [name, content] of Object.entries(extraFiles)) await writeText(join(draft, name), content);
    const tensors = parameters.shapes.map(({ name, shape }) => ({ name, shape, data: parameters.get(name) }));
    await writeSafetensors(join(draft, WEIGHTS), tensors);
    await flush(draft);
    await replace(draft, target, previous);
    await flush(parent);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw diskError('write', target, error);
  }
}

/** Give the draft the target's name; what had it before is kept until then, and put back if that fails. */
async function replace(draft: string, target: string, previous: string): Promise<void> {
  await rm(previous, { recursive: true, force: true });
  const replaces = (await contents(target)) !== null;
  if (replaces) await rename(target, previous);
  try {
    await rename(draft, target);
  } catch (error) {
    if (replaces) await rename(previous, target);
    throw error;
  }
  await rm(previous, { recursive: true, force: true });
}

/** What identifies a model: 16 hexadecimal digits of the SHA-256 of its config and weights. */
export function revision(parameters: Parameters): string {
  const { flat } = parameters;
  const hash = createHash('sha256').update(JSON.stringify(configToJson(parameters.config)));
  return hash
    .update(new Uint8Array(flat.buffer, flat.byteOffset, flat.byteLength))
    .digest('hex')
    .slice(0, 16);
}
