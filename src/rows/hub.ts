import { readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EvalPlannerError } from '../errors.ts';
import { makeFolder } from '../files.ts';
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
  const hub = await openHub(dataset);
  const listing = await hub.listing();
  const paths = chosen(dataset, listing.splits);
  const files: string[] = [];
  for (const path of paths) files.push(await hub.download(path, listing.commit));
  return { files, commit: listing.commit };
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

interface Hub {
  listing(): Promise<Listing>;
  download(path: string, commit: string): Promise<string>;
}

const CONVERTED = 'refs/convert/parquet';

async function openHub({ id, revision = 'main' }: HubDataset): Promise<Hub> {
  const client = await import('@huggingface/hub');
  const { HF_ENDPOINT = 'https://huggingface.co', HF_HUB_OFFLINE = '' } = process.env;
  const hubUrl = HF_ENDPOINT.replace(/\/+$/, '');
  const offline = /^(?:1|true|yes|on)$/i.test(HF_HUB_OFFLINE);
  const accessToken = await token();
  if (accessToken !== undefined && !accessToken.startsWith('hf_'))
    throw new EvalPlannerError('usage', 'HF_TOKEN is no token of the hub', 'its tokens begin with hf_');
  const repo = { type: 'dataset', name: id } as const;
  const cache = client.getHFHubCachePath();
  const folder = join(cache, client.getRepoFolderName(repo));
  const parts = { repo, hubUrl, fetch: patientFetch, ...(accessToken ? { accessToken } : {}) };
  // Beside the hub's own files: which there are, so that what is cached can be read without the hub.
  const known = (ref: string) => join(folder, 'refs', `${ref}.evalplanner.json`);

  const failure = (error: unknown, what: string): EvalPlannerError => {
    if (error instanceof EvalPlannerError) return error;
    if (!(error instanceof client.HubApiError)) return unreachable(id, hubUrl, error);
    const { statusCode } = error;
    if (statusCode === 401 || statusCode === 403) {
      const remedy = `accept its conditions at ${hubUrl}/datasets/${id}, and set HF_TOKEN to a token that may read it`;
      return new EvalPlannerError(
        'data',
        `the hub does not give ${id} to this account (${statusCode})`,
        remedy,
        error,
      );
    }
    if (statusCode === 404) {
      const remedy = `check the id and the revision; set HF_TOKEN where it is private`;
      return new EvalPlannerError('data', `the hub has no ${what}`, remedy, error);
    }
    return unreachable(id, hubUrl, error);
  };

  async function list(ref: string): Promise<Listing> {
    const { sha } = await client.datasetInfo({
      ...parts,
      name: id,
      revision: ref,
      additionalFields: ['sha'],
    });
    const paths: string[] = [];
    for await (const entry of client.listFiles({ ...parts, revision: sha, recursive: true }))
      if (entry.type === 'file') paths.push(entry.path);
    const card = paths.includes('README.md')
      ? await readFile(await download('README.md', sha), 'utf8')
      : null;
    return { commit: sha, splits: splitsOf(paths, card) };
  }

  async function download(path: string, commit: string): Promise<string> {
    if (offline) {
      const cached = join(folder, 'snapshots', commit, path);
      if (await stat(cached).catch(() => null)) return cached;
      throw unreachable(id, hubUrl, new Error(`${path} is not in the cache ${cache}`));
    }
    // The client tells of each download on stdout, where results belong.
    const { debug } = console;
    console.debug = () => {};
    try {
      for (let tried = 1; ; tried++) {
        try {
          return await client.downloadFileToCacheDir({ ...parts, path, revision: commit, cacheDir: cache });
        } catch (error) {
          // A body that is cut comes after fetch has answered.
          if (tried >= TRIES || error instanceof client.HubApiError) throw error;
          await sleep(500 * 2 ** tried);
        }
      }
    } catch (error) {
      throw failure(error, `file ${path} in ${id}`);
    } finally {
      console.debug = debug;
    }
  }

  return {
    async listing() {
      const cached = async () => JSON.parse(await readFile(known(revision), 'utf8')) as Listing;
      if (offline)
        return cached().catch((error: unknown) => {
          throw unreachable(id, hubUrl, error);
        });
      let listing: Listing;
      try {
        listing = await list(revision);
        // Sets that are made by a script have no rows of their own; the hub converts them.
        if (Object.keys(listing.splits).length === 0 && revision === 'main')
          listing = await list(CONVERTED).catch(() => listing);
      } catch (error) {
        const told = failure(error, `dataset ${id} at revision ${revision}`);
        if (told.code !== 'network') throw told;
        return cached().catch(() => {
          throw told;
        });
      }
      makeFolder(dirname(known(revision)));
      const draft = `${known(revision)}.${process.pid}`;
      await writeFile(draft, JSON.stringify(listing));
      await rename(draft, known(revision));
      return listing;
    },
    download,
  };
}

function unreachable(id: string, hubUrl: string, cause: unknown): EvalPlannerError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new EvalPlannerError(
    'network',
    `cannot get ${id} from ${hubUrl}: ${reason}`,
    'check the connection and HF_ENDPOINT, or download its files and name them in place of the id',
    cause,
  );
}

/** HF_TOKEN, or what `hf auth login` has left. */
async function token(): Promise<string | undefined> {
  const { HF_TOKEN, HF_TOKEN_PATH, HF_HOME, XDG_CACHE_HOME, HOME } = process.env;
  if (HF_TOKEN) return HF_TOKEN.trim();
  const home = HF_HOME ?? (HOME ? join(XDG_CACHE_HOME ?? join(HOME, '.cache'), 'huggingface') : undefined);
  const path = HF_TOKEN_PATH ?? (home && join(home, 'token'));
  if (path === undefined) return undefined;
  return (await readFile(path, 'utf8').catch(() => '')).trim() || undefined;
}

const TRIES = 4;
/** Longest wait that a hub may ask for, in seconds. */
const PATIENCE = 60;

/** Tries again where the hub is busy or the connection fails. */
async function patientFetch(...[input, init]: Parameters<typeof fetch>): Promise<Response> {
  for (let tried = 1; ; tried++) {
    let wait = 0.5 * 2 ** tried * (0.5 + Math.random());
    try {
      const response = await fetch(input, init);
      if (tried >= TRIES || (response.status !== 429 && response.status < 500)) return response;
      const asked = Number(response.headers.get('retry-after'));
      if (asked > 0) wait = Math.min(asked, PATIENCE);
      await response.body?.cancel();
    } catch (error) {
      if (tried >= TRIES) throw error;
    }
    await sleep(1000 * wait);
  }
}
