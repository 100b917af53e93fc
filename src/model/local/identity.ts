import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '../../engine/errors.ts';
import { ggufAt } from '../../engine/gguf/file.ts';
import { folderRevision, revision } from '../../engine/llama/checkpoint.ts';
import { adapterBase, isAdapterFolder } from '../../engine/lora/checkpoint.ts';
import { ADAPTER_CONFIG, current } from '../../engine/model-folder.ts';
import { key } from '../../key.ts';
import { chatTemplate } from '../../prompts/chat-template.ts';
import { sha256 } from '../../rows/sha256.ts';
import { configWith, filesOf, onHub, openCheckpoint } from './checkpoint.ts';
import { withEngineErrors } from './engine-failure.ts';
import { isModelFile, localPlace } from './hub.ts';
import { openTokenizer } from './open-tokenizer.ts';

/** What a checkpoint is, told without its weights in memory. */
export interface Identity {
  /** A hash of its weights; of a checkpoint that the built-in engine runs the one that it has there. */
  readonly weights: string;
  /** Whether messages are shown to it by a template. */
  readonly chat: boolean;
  /** The folder that a server reads. */
  readonly folder: string;
  /** Of a PEFT adapter: what it is put on. */
  readonly base?: string;
}

/** By place and by what the file system says of its files: large ones are read once. */
const known = new Map<string, Promise<Identity>>();

/** Throws EvalPlannerError (`model`, `disk`, `usage`, `network`) for a place that holds no model. */
export async function identify(name: string): Promise<Identity> {
  const folder = await localPlace(name);
  const mark = `${folder}\n${await signature(folder)}`;
  const found = known.get(mark) ?? withEngineErrors(() => identity(folder));
  known.set(mark, found);
  found.catch(() => known.delete(mark));
  return found;
}

async function identity(place: string): Promise<Identity> {
  if ((await ggufAt(place)) !== null) {
    const { parameters, files } = await openCheckpoint(place);
    return { weights: revision(parameters), chat: isChat(files), folder: place };
  }
  const folder = await current(place);
  if (!(await isAdapterFolder(folder))) return { ...(await whole(folder)), folder };
  const base = await adapterBase(folder, onHub);
  const of = await identify(base);
  const own = await filesOf(folder);
  const {
    base_model_name_or_path: _,
    revision: __,
    ...config
  } = JSON.parse(await readFile(join(folder, ADAPTER_CONFIG), 'utf8'));
  const weights = key({ base: of.weights, config, files: await digest(folder, /\.safetensors$/) });
  const chat = own['tokenizer.json'] === undefined ? of.chat : isChat(own);
  return { weights: weights.slice(0, 16), chat, folder, base };
}

async function whole(folder: string): Promise<Pick<Identity, 'weights' | 'chat'>> {
  const files = await filesOf(folder);
  const chat = isChat(files);
  try {
    const tokenizer = openTokenizer(folder, files);
    return { weights: await folderRevision(folder, (config) => configWith(folder, config, tokenizer)), chat };
  } catch (error) {
    // What the built-in engine does not run is identified by its files.
    if (!(error instanceof CheckpointError) || error.kind !== 'unsupported') throw error;
    return { weights: (await digest(folder, /./)).slice(0, 16), chat };
  }
}

const isChat = (files: Readonly<Record<string, string>>) => chatTemplate(files).source !== null;

/** A hash of the model's files of these names. */
async function digest(folder: string, wanted: RegExp): Promise<string> {
  const hash = createHash('sha256');
  const names = (await readdir(folder)).filter((name) => isModelFile(name) && wanted.test(name)).sort();
  for (const name of names) hash.update(`${name} ${await sha256(join(folder, name))}\n`);
  return hash.digest('hex');
}

async function signature(place: string): Promise<string> {
  const names = await readdir(place).catch(() => []);
  const paths = names.length === 0 ? [place] : names.sort().map((name) => join(place, name));
  const parts = await Promise.all(
    paths.map(async (path) => {
      const found = await stat(path).catch(() => null);
      return found === null ? '' : `${path} ${found.ino} ${found.size} ${found.mtimeMs}`;
    }),
  );
  return parts.join('\n');
}
