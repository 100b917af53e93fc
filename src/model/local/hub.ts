import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CheckpointError } from '../../engine/errors.ts';
import { checkMemory, readIndex } from '../../engine/llama/checkpoint.ts';
import { configFromJson } from '../../engine/llama/config-json.ts';
import { EvalPlannerError } from '../../errors.ts';
import { type Hub, openHub, unreachable } from '../../hub/connection.ts';
import {
  cachedPath,
  commitOf,
  download,
  type HubFile,
  isCommit,
  listing,
  writeRef,
} from '../../hub/download.ts';

/** A model on the Hugging Face hub, by its name `hf:OWNER/NAME[@REVISION][:FILE.gguf]`. */
export interface HubModel {
  readonly id: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
  /** One GGUF file in place of the checkpoint. */
  readonly file?: string;
}

/** Null for a name that does not begin with `hf:`. Throws EvalPlannerError `usage` for one that only begins so. */
export function parseHubModel(name: string): HubModel | null {
  if (!name.startsWith('hf:')) return null;
  const [, id, revision, file] =
    /^hf:(\w[\w.-]*\/\w[\w.-]*)(?:@(\w[\w./-]*))?(?::(\w[\w./-]*\.gguf))?$/i.exec(name) ?? [];
  if (id === undefined || name.includes('..'))
    throw new EvalPlannerError(
      'usage',
      `${name} names no model on the hub`,
      'give it as hf:OWNER/NAME[@REVISION][:FILE.gguf], as hf:Qwen/Qwen2.5-0.5B-Instruct; a folder of this name is ./NAME',
    );
  return { id, revision: revision ?? 'main', ...(file === undefined ? {} : { file }) };
}

const CONFIG = 'config.json';
const GENERATION = 'generation_config.json';
const ADAPTER_CONFIG = 'adapter_config.json';
const ADAPTER = 'adapter_model.safetensors';
const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/** What makes a model besides its weights: what transformers, vLLM or this project read of it. */
const BESIDE =
  /^(?:config|generation_config|adapter_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab|evalplanner)\.json$|^merges\.txt$|^tokenizer\.model$|^chat_template\.(?:jinja|json)$/;

/** Whether a file of a model's folder belongs to the model. */
export const isModelFile = (name: string): boolean =>
  BESIDE.test(name) || /\.safetensors(?:\.index\.json)?$/.test(name);

/** Where a model lies on this machine: what is called `hf:…` in the hub's cache, downloaded where it is missing, and any other name
 * as it stands. What this engine cannot run, or this machine not hold, is said before its weights are downloaded. Throws
 * EvalPlannerError (`usage`, `model`, `network`, `disk`) and CheckpointError. */
export async function localPlace(name: string): Promise<string> {
  const model = parseHubModel(name);
  if (model === null) return name;
  const hub = await openHub({ type: 'model', id: model.id });
  if (hub.offline) return cached(hub, model, new Error('HF_HUB_OFFLINE is set, and it is not in the cache'));
  try {
    return await current(hub, model);
  } catch (error) {
    const told = ours(error) ? error : hub.failure(error, `model ${model.id} at revision ${model.revision}`);
    if (!(told instanceof EvalPlannerError) || told.code !== 'network') throw told;
    return cached(hub, model, told);
  }
}

/** Not of a request. */
const ours = (error: unknown): error is Error =>
  error instanceof EvalPlannerError || error instanceof CheckpointError;

async function current(hub: Hub, model: HubModel): Promise<string> {
  const { revision, file } = model;
  const commit = await commitOf(hub, revision);
  const files = await listing(hub, commit, file?.includes('/') ?? false);
  await download(
    hub,
    file === undefined ? await wanted(hub, model, files, commit) : one(model, files),
    commit,
  );
  if (!isCommit(revision)) await writeRef(join(hub.folder, 'refs', revision), commit);
  return file === undefined ? join(hub.folder, 'snapshots', commit) : cachedPath(hub, commit, file);
}

function one({ id, file }: HubModel, files: readonly HubFile[]): HubFile[] {
  const found = files.filter(({ path }) => path === file);
  if (found.length > 0) return found;
  throw new EvalPlannerError('model', `${id} has no file ${file}`, ggufRemedy(id, files));
}

function ggufRemedy(id: string, files: readonly HubFile[]): string {
  const there = files.filter(({ path }) => path.endsWith('.gguf')).map(({ path }) => path);
  if (there.length === 0) return 'choose another repository; this one has no GGUF files at its top';
  const more = there.length > 8 ? ` and ${there.length - 8} more` : '';
  return `name one of its files, as hf:${id}:${there[0]}; there are ${there.slice(0, 8).join(', ')}${more}`;
}

/** The files of a checkpoint or of an adapter; those that say what it is are downloaded here, and looked at. */
async function wanted(
  hub: Hub,
  { id }: HubModel,
  files: readonly HubFile[],
  commit: string,
): Promise<HubFile[]> {
  const has = (name: string) => files.some(({ path }) => path === name);
  const read = (name: string) => readFile(cachedPath(hub, commit, name), 'utf8');
  const named = (names: readonly string[]) => files.filter(({ path }) => names.includes(path));
  const beside = files.filter(({ path }) => BESIDE.test(path));
  if (has(ADAPTER_CONFIG)) {
    if (has(ADAPTER)) return [...beside, ...named([ADAPTER])];
    throw lacking(id, ADAPTER, files);
  }
  if (!has(CONFIG)) throw lacking(id, CONFIG, files);
  await download(hub, named([CONFIG, GENERATION, INDEX]), commit);
  const generation = has(GENERATION) ? { path: GENERATION, text: await read(GENERATION) } : undefined;
  checkMemory(id, configFromJson(`${CONFIG} of ${id}`, await read(CONFIG), generation));
  if (has(WEIGHTS)) return [...beside, ...named([WEIGHTS])];
  if (!has(INDEX)) throw lacking(id, WEIGHTS, files);
  const shards = [...new Set(readIndex(`${INDEX} of ${id}`, await read(INDEX)).values())];
  const missing = shards.find((shard) => !has(shard));
  if (missing !== undefined)
    throw new EvalPlannerError(
      'model',
      `${id} lacks ${missing}, which its index names`,
      'choose another revision',
    );
  return [...beside, ...named([INDEX, ...shards])];
}

function lacking(id: string, what: string, files: readonly HubFile[]): EvalPlannerError {
  const paths = files.map(({ path }) => path);
  if (paths.some((path) => path.endsWith('.gguf')))
    return new EvalPlannerError('model', `${id} holds no ${what}, but GGUF files`, ggufRemedy(id, files));
  const other = paths.find((path) => /\.(?:bin|pt|pth|ckpt|h5|msgpack)$/.test(path));
  if (other === undefined)
    return new EvalPlannerError(
      'model',
      `${id} holds no ${what}`,
      'choose a repository of a checkpoint for transformers, or of a PEFT adapter',
    );
  return new EvalPlannerError(
    'model',
    `${id} holds no ${what}, but ${other}, which can run code when it is read`,
    'look for a revision with safetensors (@refs/pr/N), or save it again with transformers (save_pretrained)',
  );
}

/** What an earlier download has left, where it is whole; `cause` says why it is needed. */
async function cached(hub: Hub, { revision, file }: HubModel, cause: Error): Promise<string> {
  const ref = await readFile(join(hub.folder, 'refs', revision), 'utf8').catch(() => revision);
  const commit = ref.trim();
  const folder = join(hub.folder, 'snapshots', commit);
  if (isCommit(commit)) {
    if (file === undefined ? await isWhole(folder) : await exists(join(folder, file)))
      return file === undefined ? folder : join(folder, file);
  }
  throw cause instanceof EvalPlannerError ? cause : unreachable(hub.repository, hub.url, cause);
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Whether a folder has all files of a checkpoint or an adapter. Throws CheckpointError for a damaged index. */
export async function isWhole(folder: string): Promise<boolean> {
  const has = (name: string) => exists(join(folder, name));
  if (await has(ADAPTER_CONFIG)) return has(ADAPTER);
  if (!(await has(CONFIG))) return false;
  if (await has(WEIGHTS)) return true;
  const index = join(folder, INDEX);
  if (!(await exists(index))) return false;
  const shards = [...new Set(readIndex(index, await readFile(index, 'utf8')).values())];
  return (await Promise.all(shards.map(has))).every(Boolean);
}

/** The repository and the commit of a folder in the hub's cache; null for any other. */
export function hubOrigin(folder: string): { readonly id: string; readonly revision: string } | null {
  const [, owner, name, revision] =
    /[\\/]models--([\w.-]+?)--([\w.-]+)[\\/]snapshots[\\/]([0-9a-f]{40})[\\/]?$/.exec(folder) ?? [];
  return owner === undefined ? null : { id: `${owner}/${name}`, revision: revision as string };
}
