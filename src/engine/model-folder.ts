import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { CheckpointError, diskError } from './errors.ts';
import { fileSize } from './file-size.ts';
import { writeSafetensors } from './safetensors.ts';
import type { FlatTensors } from './tensors.ts';

/** Either of these makes a folder a model's: a checkpoint has the one, an adapter the other. */
export const CONFIG = 'config.json';
export const ADAPTER_CONFIG = 'adapter_config.json';
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

/** The names in a folder; null where there is none. */
export async function contents(dir: string): Promise<string[] | null> {
  try {
    return await readdir(dir);
  } catch (error) {
    if (isMissing(error)) return null;
    throw diskError('read', dir, error);
  }
}

/** The folder to read: the one of that name, or its predecessor if a writer was killed between two renames. */
export async function current(dir: string): Promise<string> {
  const full = resolve(dir);
  return (await contents(full)) === null && (await contents(previousOf(full))) !== null
    ? previousOf(full)
    : full;
}

/** JSON and templates of a model; tokenizers of the largest vocabularies have 35 MB. */
const LONGEST_TEXT = 100_000_000;

export async function readText(path: string): Promise<string> {
  try {
    const size = await fileSize(path);
    if (size > LONGEST_TEXT) {
      const remedy = 'It is not what its name says: download the model again.';
      throw new CheckpointError('format', `${path} has ${size} bytes of text`, remedy);
    }
    return await readFile(path, 'utf8');
  } catch (error) {
    throw diskError('read', path, error);
  }
}

/** The tokenizer's files of a folder, to pass on as `extraFiles`. */
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

export interface ModelFolder {
  /** Files of ours, by name. */
  readonly texts: Readonly<Record<string, string>>;
  /** Further files, by name: the tokenizer's, as text. */
  readonly extraFiles: Readonly<Record<string, string>>;
  /** The safetensors file's name. */
  readonly weights: string;
  readonly tensors: FlatTensors;
}

/** Write a folder that appears under its name as a whole or not at all; a model that was there before is replaced, with
 * all its files. Throws CheckpointError. */
export async function writeModelFolder(
  dir: string,
  { texts, extraFiles, weights, tensors }: ModelFolder,
): Promise<void> {
  const target = resolve(dir);
  const parent = dirname(target);
  const previous = previousOf(target);
  const draftPrefix = `.${basename(target)}.draft-`;
  const draft = join(parent, draftPrefix + randomUUID());
  const own = [...Object.keys(texts), weights];
  for (const name of Object.keys(extraFiles)) {
    if (name !== basename(name) || ['', '.', '..'].includes(name) || own.includes(name)) {
      throw new Error(`${JSON.stringify(name)} cannot be an extra file of a checkpoint`);
    }
  }
  const present = await contents(target);
  const isModel = present?.includes(CONFIG) || present?.includes(ADAPTER_CONFIG);
  if (present !== null && present.length > 0 && !isModel) {
    const remedy = 'Choose another name, or remove that folder.';
    throw new CheckpointError('disk', `${target} exists and is no checkpoint; it is left as it is`, remedy);
  }
  try {
    await makeFolder(parent);
    for (const name of (await contents(parent)) ?? []) {
      // Left behind by a writer that was killed; here so that they cannot fill the disk.
      if (name.startsWith(draftPrefix)) await rm(join(parent, name), { recursive: true, force: true });
    }
    if (present === null && (await contents(previous)) !== null) await rename(previous, target);
    await mkdir(draft);
    for (const [name, content] of Object.entries({ ...texts, ...extraFiles }))
      await writeText(join(draft, name), content);
    const named = tensors.shapes.map(({ name, shape }) => ({ name, shape, data: tensors.get(name) }));
    await writeSafetensors(join(draft, weights), named);
    await flush(draft);
    await replace(draft, target, previous);
    await flush(parent);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw diskError('write', target, error);
  }
}

/** Create the folder and those above it. Not mkdir's `recursive`, which never returns in Node 24 below /proc. */
async function makeFolder(folder: string): Promise<void> {
  if (existsSync(folder)) return;
  await makeFolder(dirname(folder));
  await mkdir(folder).catch((error) => {
    // Another process may have been faster.
    if (!existsSync(folder)) throw error;
  });
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
