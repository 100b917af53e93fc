import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EvalPlannerError } from '../errors.ts';

/** A repository on the Hugging Face hub. */
export interface Repository {
  readonly type: 'model' | 'dataset';
  /** `openai/gsm8k`. */
  readonly id: string;
}

type Client = typeof import('@huggingface/hub');

/** What every request about a repository takes; HF_TOKEN, HF_ENDPOINT, HF_HOME, HF_HUB_CACHE and HF_HUB_OFFLINE mean what they
 * mean to every client of the hub. */
export interface Hub {
  readonly client: Client;
  readonly repository: Repository;
  readonly url: string;
  readonly offline: boolean;
  /** The cache, and the repository's folder in it. */
  readonly cache: string;
  readonly folder: string;
  /** The parameters that the client's functions have in common. */
  readonly parts: {
    readonly repo: { readonly type: 'model' | 'dataset'; readonly name: string };
    readonly hubUrl: string;
    readonly fetch: typeof fetch;
    readonly accessToken?: string;
  };
  /** What a request threw, as an error for the user; `what` was asked for: `file a.json in openai/gsm8k`. */
  failure(error: unknown, what: string): EvalPlannerError;
}

/** Throws EvalPlannerError `usage` for a token that is none. */
export async function openHub(repository: Repository, signal?: AbortSignal): Promise<Hub> {
  const client = await import('@huggingface/hub');
  const { HF_ENDPOINT, HF_HUB_OFFLINE = '' } = process.env;
  const url = (HF_ENDPOINT || 'https://huggingface.co').replace(/\/+$/, '');
  const accessToken = await token();
  if (accessToken !== undefined && !accessToken.startsWith('hf_'))
    throw new EvalPlannerError('usage', 'HF_TOKEN is no token of the hub', 'its tokens begin with hf_');
  const { type, id } = repository;
  const repo = { type, name: id };
  const cache = client.getHFHubCachePath();
  return {
    client,
    repository,
    url,
    offline: /^(?:1|true|yes|on)$/i.test(HF_HUB_OFFLINE),
    cache,
    folder: join(cache, client.getRepoFolderName(repo)),
    parts: { repo, hubUrl: url, fetch: patient(signal), ...(accessToken ? { accessToken } : {}) },
    failure: (error, what) => failureOf(client, repository, url, error, what),
  };
}

const CODE = { model: 'model', dataset: 'data' } as const;

function failureOf(
  client: Client,
  repository: Repository,
  url: string,
  error: unknown,
  what: string,
): EvalPlannerError {
  if (error instanceof EvalPlannerError) return error;
  if (!(error instanceof client.HubApiError)) return unreachable(repository, url, error);
  const { type, id } = repository;
  const { statusCode } = error;
  if (statusCode === 401 || statusCode === 403) {
    const page = `${url}/${type === 'model' ? '' : 'datasets/'}${id}`;
    return new EvalPlannerError(
      CODE[type],
      `the hub does not give ${id} to this account (${statusCode}${said(error.data)})`,
      `check the name; accept its conditions at ${page}, and set HF_TOKEN to a token that may read it`,
      error,
    );
  }
  if (statusCode !== 404) return unreachable(repository, url, error);
  const remedy = 'check the name and the revision; set HF_TOKEN where it is private';
  return new EvalPlannerError(CODE[type], `the hub has no ${what}`, remedy, error);
}

/** The hub's own words, which are hostile like any other text from outside. */
function said(data: unknown): string {
  const { error } = (data ?? {}) as { readonly error?: unknown };
  return typeof error === 'string' ? `: ${error.replace(/\s+/g, ' ').slice(0, 200)}` : '';
}

/** No answer, or none that helps. */
export function unreachable({ type, id }: Repository, url: string, cause: unknown): EvalPlannerError {
  // What fetch throws says no more than that it failed; its cause says how.
  const { message, cause: reason } = cause instanceof Error ? cause : new Error(String(cause));
  const detail = reason instanceof Error && reason.message ? `${message} (${reason.message})` : message;
  const instead =
    type === 'model'
      ? 'download it elsewhere and name its folder'
      : 'download its files and name them in place of the id';
  return new EvalPlannerError(
    'network',
    `cannot get ${id} from ${url}: ${detail}`,
    `check the connection and HF_ENDPOINT, or ${instead}`,
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

/** How often what may have been an accident is tried. */
export const TRIES = 4;
/** Longest wait that a hub may ask for, in seconds. */
const PATIENCE = 60;

/** Seconds to wait before the next try, drawn so that clients do not come back together. */
export const pause = (tried: number): number => 0.5 * 2 ** tried * (0.5 + Math.random());

/** There is no such machine, or nothing on it that listens: soon tried again is soon failed again. */
const isNobody = (error: unknown): boolean =>
  ['ECONNREFUSED', 'ENOTFOUND'].includes(
    ((error as Error | null)?.cause as NodeJS.ErrnoException | undefined)?.code ?? '',
  );

/** A fetch that tries again where the hub is busy or the connection fails. */
function patient(signal: AbortSignal | undefined): typeof fetch {
  return async (input, init) => {
    const own = init?.signal ?? undefined;
    const stop = signal && own ? AbortSignal.any([signal, own]) : (signal ?? own);
    for (let tried = 1; ; tried++) {
      let wait = pause(tried);
      try {
        const response = await fetch(input, { ...init, ...(stop ? { signal: stop } : {}) });
        if (tried >= TRIES || (response.status !== 429 && response.status < 500)) return response;
        const asked = Number(response.headers.get('retry-after'));
        if (asked > 0) wait = Math.min(asked, PATIENCE);
        await response.body?.cancel();
      } catch (error) {
        if (tried >= TRIES || stop?.aborted || isNobody(error)) throw error;
      }
      await sleep(1000 * wait, undefined, stop ? { signal: stop } : {});
    }
  };
}
