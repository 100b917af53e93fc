import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EvalPlannerError } from '../errors.ts';
import { type Hub, openHub, unreachable } from '../hub/connection.ts';
import { cachedPath, commitOf, download, type HubFile, listing, writeRef } from '../hub/download.ts';
import { type Splits, splitsOf } from './splits.ts';

/** A dataset on the Hugging Face hub, or a part of it. */
export interface HubDataset {
  /** `openai/gsm8k`. */
  readonly id: string;
  readonly config?: string;
  readonly split?: string;
  /** A branch, a tag or a commit; `main` where it is absent. */
  readonly revision?: string;
}

/** `OWNER/NAME[:CONFIG[/SPLIT]][@REVISION]`, as `openai/gsm8k:main/test@v1`; the configuration may be left out (`a/b:/test`).
 * Null for what is none. */
export function parseHubId(text: string): HubDataset | null {
  const found = /^(?:hf:)?([\w.-]+\/[\w.-]+)(?::([\w.-]*)(?:\/([\w.-]+))?)?(?:@([\w./-]+))?$/.exec(text);
  if (found === null) return null;
  const [, id, config, split, revision] = found;
  return {
    id: id as string,
    ...(config ? { config } : {}),
    ...(split === undefined ? {} : { split }),
    ...(revision === undefined ? {} : { revision }),
  };
}

/** Local copies of the dataset's files, downloaded into the hub's own cache where they are missing, and the commit they are
 * of. HF_TOKEN, HF_ENDPOINT, HF_HOME, HF_HUB_CACHE and HF_HUB_OFFLINE mean what they mean to every client of the hub.
 * Throws EvalPlannerError (`data` or `network`), naming the dataset and the remedy. */
export async function hubFiles(
  dataset: HubDataset,
): Promise<{ readonly files: string[]; readonly commit: string }> {
  const hub = await openHub({ type: 'dataset', id: dataset.id });
  const { commit, splits, files: listed } = await currentSplits(hub, dataset);
  const paths = chosen(dataset, splits);
  const files = paths.map((path) => cachedPath(hub, commit, path));
  await download(
    hub,
    listed.filter(({ path }) => paths.includes(path)),
    commit,
  );
  for (const [i, file] of files.entries())
    if (!(await stat(file).catch(() => null)))
      throw unreachable(hub.repository, hub.url, new Error(`${paths[i]} is not in the cache ${hub.cache}`));
  return { files, commit };
}

/** The files of the configuration and split that are wanted; an error that lists what there is where that is not clear. */
function chosen({ id, config, split }: HubDataset, splits: Splits): readonly string[] {
  const configs = Object.keys(splits);
  if (configs.length === 0)
    throw new EvalPlannerError(
      'data',
      `${id} has no files of rows`,
      'choose a dataset with JSON, CSV or Parquet files',
    );
  const one = config ?? (splits.default ? 'default' : configs.length === 1 ? configs[0] : undefined);
  const parts = one === undefined ? undefined : splits[one];
  if (parts === undefined) {
    const what =
      config === undefined ? `${id} has several configurations` : `${id} has no configuration ${config}`;
    throw new EvalPlannerError(
      'data',
      what,
      `name one of them, as ${id}:${configs[0]}; there are ${some(configs)}`,
    );
  }
  const names = Object.keys(parts);
  const own = split ?? (names.length === 1 ? names[0] : parts.train ? 'train' : undefined);
  const files = own === undefined ? undefined : parts[own];
  if (files === undefined) {
    const what =
      split === undefined ? `${id} has several splits and no train` : `${id} has no split ${split}`;
    throw new EvalPlannerError(
      'data',
      what,
      `name one of them, as ${id}:${one}/${names[0]}; there are ${some(names)}`,
    );
  }
  return files;
}

const some = (names: readonly string[]) =>
  names.length <= 12 ? names.join(', ') : `${names.slice(0, 12).join(', ')} and ${names.length - 12} more`;

interface Listing {
  readonly commit: string;
  readonly splits: Splits;
}

const CONVERTED = 'refs/convert/parquet';

/** Beside the hub's own files: which there are, so that what is cached can be read without the hub. */
const known = (hub: Hub, ref: string) => join(hub.folder, 'refs', `${ref}.evalplanner.json`);

/** What a dataset has at a revision, and how the hub lists its files where it has been asked. */
async function splitsAt(hub: Hub, ref: string): Promise<Listing & { readonly files: readonly HubFile[] }> {
  const commit = await commitOf(hub, ref);
  const files = await listing(hub, commit, true);
  const card = files.filter(({ path }) => path === 'README.md');
  await download(hub, card, commit);
  const text = card.length === 0 ? null : await readFile(cachedPath(hub, commit, 'README.md'), 'utf8');
  const paths = files.map(({ path }) => path);
  return { commit, splits: splitsOf(paths, text), files };
}

async function currentSplits(
  hub: Hub,
  { id, revision = 'main' }: HubDataset,
): Promise<Listing & { readonly files: readonly HubFile[] }> {
  const path = known(hub, revision);
  const cached = async () => ({ ...(JSON.parse(await readFile(path, 'utf8')) as Listing), files: [] });
  if (hub.offline)
    return cached().catch((error: unknown) => {
      throw unreachable(hub.repository, hub.url, error);
    });
  try {
    let found = await splitsAt(hub, revision);
    // Sets that are made by a script have no rows of their own; the hub converts them.
    if (Object.keys(found.splits).length === 0 && revision === 'main')
      found = await splitsAt(hub, CONVERTED).catch(() => found);
    const { commit, splits } = found;
    await writeRef(path, JSON.stringify({ commit, splits }));
    return found;
  } catch (error) {
    const told = hub.failure(error, `dataset ${id} at revision ${revision}`);
    if (told.code !== 'network') throw told;
    return cached().catch(() => {
      throw told;
    });
  }
}
