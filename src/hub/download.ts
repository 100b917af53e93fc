import { createHash, type Hash } from 'node:crypto';
import { channel } from 'node:diagnostics_channel';
import { createReadStream } from 'node:fs';
import {
  copyFile,
  open,
  readdir,
  rename,
  rm,
  stat,
  statfs,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EvalPlannerError } from '../errors.ts';
import { makeFolder } from '../files.ts';
import { type Hub, openHub, pause, TRIES, unreachable } from './connection.ts';
import { DOWNLOADS, type Download } from './downloads.ts';

/** A file of a repository, as the hub lists it. */
export interface HubFile {
  readonly path: string;
  readonly size: number;
  /** The SHA-256 of its content where that lies in LFS, else git's id of it. */
  readonly etag: string;
}

/** The files of a repository at a commit, all of them. Throws EvalPlannerError. */
export async function listing(hub: Hub, commit: string, recursive: boolean): Promise<HubFile[]> {
  const files: HubFile[] = [];
  for await (const { type, path, size, oid, lfs } of hub.client.listFiles({
    ...hub.parts,
    revision: commit,
    recursive,
  })) {
    const etag = lfs?.oid ?? oid ?? '';
    if (type === 'file' && isPlain(path) && /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(etag))
      files.push({ path, size, etag });
  }
  return files;
}

/** A path that leads nowhere but into the folder that it is joined to, on any system. */
const isPlain = (path: string) =>
  !/[\\:\0]/.test(path) && path.split('/').every((part) => !['', '.', '..'].includes(part));

/** Where a file of a commit is, or will be, in the cache. */
export const cachedPath = ({ folder }: Hub, commit: string, path: string): string =>
  join(folder, 'snapshots', commit, path);

/** Bring files of a commit into the cache as huggingface_hub lays it out: blobs named by what is in them, and a folder of links to
 * them for each commit. What is there is not asked for again, and what came of an earlier download is gone on from. Content that
 * is not what the hub lists never gets its name. Throws EvalPlannerError. */
export async function download(repository: Hub, files: readonly HubFile[], commit: string): Promise<void> {
  const missing: HubFile[] = [];
  for (const file of files)
    if (!(await exists(cachedPath(repository, commit, file.path)))) missing.push(file);
  if (missing.length === 0) return;
  const controller = new AbortController();
  const { signal } = controller;
  const hub = await openHub(repository.repository, signal);
  const blobs = join(hub.folder, 'blobs');
  const total = missing.reduce((sum, { size }) => sum + size, 0);
  const { id } = hub.repository;
  const state: Download = { id, total, done: 0, ended: false, abort: (reason) => controller.abort(reason) };
  const tell = (more: number) => {
    state.done += more;
    channel(DOWNLOADS).publish(state);
  };
  try {
    makeFolder(blobs);
    await checkSpace(hub, blobs, missing);
    tell(0);
    for (const file of missing) {
      const blob = join(blobs, file.etag);
      await fetchBlob(hub, file, commit, blob, tell, signal);
      await link(blob, cachedPath(hub, commit, file.path));
    }
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (isDisk(error))
      throw new EvalPlannerError(
        'disk',
        `cannot write to ${hub.cache}: ${(error as Error).message}`,
        'free some space there, or set HF_HOME to a folder that can be written; what has come is kept',
        error,
      );
    throw hub.failure(error, `file ${missing.map(({ path }) => path).join(', ')} in ${id}`);
  } finally {
    state.ended = true;
    tell(0);
  }
}

/** Parts of a blob, by who is at it: `ETAG.HOST-PID.incomplete`, or `ETAG.left.incomplete`, which is anybody's. No lock is shared
 * with Python's client, which locks by flock and gives its own parts other names. */
const HOST = hostname().replace(/[^\w-]/g, '_');
const ownPart = (blob: string) => `${blob}.${HOST}-${process.pid}.incomplete`;
const leftPart = (blob: string) => `${blob}.left.incomplete`;
const PART = /^[0-9a-f]+\.(?:left|([\w-]+)-(\d+))\.incomplete$/;
/** Milliseconds after which a part that does not grow is nobody's: longer than any wait between two tries. */
const ABANDONED = 10 * 60_000;

async function partsOf(blob: string): Promise<{ readonly path: string; readonly free: boolean }[]> {
  const parts = [];
  for (const name of await readdir(dirname(blob))) {
    const found = name.startsWith(`${basename(blob)}.`) ? PART.exec(name) : null;
    if (found === null) continue;
    const [, host, pid] = found;
    const path = join(dirname(blob), name);
    const at = await stat(path).catch(() => null);
    if (at === null) continue;
    const gone = Date.now() - at.mtimeMs > ABANDONED || (host === HOST && !isAlive(Number(pid)));
    parts.push({ path, free: host === undefined || gone });
  }
  return parts;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** A part that is this process's alone, with what came of it before; null once the blob is there, by another process's hand. Of two
 * that begin at the same moment both may get one: they do the same work twice, and the later one's result replaces its twin. */
async function claim(blob: string, signal: AbortSignal): Promise<string | null> {
  const own = ownPart(blob);
  for (;;) {
    if (await exists(blob)) return null;
    const parts = await partsOf(blob);
    const free = parts.find((part) => part.free);
    try {
      if (free !== undefined) {
        const now = new Date();
        await utimes(free.path, now, now);
        await rename(free.path, own);
        return own;
      }
      if (parts.length === 0) {
        await (await open(own, 'wx')).close();
        return own;
      }
    } catch (error) {
      // Another one was faster.
      if (!['ENOENT', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
    await sleep(200, undefined, { signal });
  }
}

async function fetchBlob(
  hub: Hub,
  file: HubFile,
  commit: string,
  blob: string,
  tell: (more: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const part = await claim(blob, signal);
  if (part === null) return tell(file.size);
  try {
    for (let whole = 1; ; whole++) {
      const digest = await fill(hub, file, commit, part, tell, signal);
      if (digest === file.etag) break;
      // What was there before may have been damaged: once more from the start.
      await rm(part);
      await (await open(part, 'wx')).close();
      tell(-file.size);
      if (whole > 1) throw damaged(hub, file, digest);
    }
    await rename(part, blob);
    for (const { path, free } of await partsOf(blob)) if (free) await rm(path, { force: true });
  } catch (error) {
    await rename(part, leftPart(blob)).catch(() => {});
    throw error;
  }
}

function damaged(hub: Hub, { path, etag }: HubFile, digest: string): EvalPlannerError {
  return new EvalPlannerError(
    hub.repository.type === 'model' ? 'model' : 'data',
    `${path} of ${hub.repository.id} came from ${hub.url} with the hash ${digest.slice(0, 12)}, twice, and is listed with ${etag.slice(0, 12)}`,
    'run the same command again; if it comes so again, the copy at HF_ENDPOINT is damaged',
  );
}

/** Bring a part to its full length; its hash. Tries go on from what has come, and start to count again where more has come. */
async function fill(
  hub: Hub,
  { path, size, etag }: HubFile,
  commit: string,
  part: string,
  tell: (more: number) => void,
  signal: AbortSignal,
): Promise<string> {
  let have = (await stat(part)).size;
  const hash = hashOf(etag, size);
  if (have > size) {
    await rm(part);
    have = 0;
  }
  if (have > 0) for await (const bytes of createReadStream(part)) hash.update(bytes as Uint8Array);
  tell(have);
  await using output = await open(part, 'a');
  for (let tried = 1; have < size; tried++) {
    const before = have;
    try {
      const source = await hub.client.downloadFile({ ...hub.parts, path, revision: commit });
      if (source === null)
        throw unreachable(hub.repository, hub.url, new Error(`it lists ${path} and does not give it`));
      for await (const bytes of source.slice(have).stream()) {
        // A server that ignores ranges sends the start again: the hash would tell, the disk would fill.
        const fitting = bytes.subarray(0, size - have);
        await output.writeFile(fitting);
        hash.update(fitting);
        have += fitting.length;
        tell(fitting.length);
      }
      if (have < size) throw new Error(`the connection ended after ${have} of ${size} bytes`);
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof hub.client.HubApiError || error instanceof EvalPlannerError || isDisk(error))
        throw error;
      if (have > before) tried = 0;
      if (tried >= TRIES) throw error instanceof Error ? error : new Error(String(error));
      await sleep(1000 * pause(tried), undefined, { signal });
    }
  }
  await output.sync();
  return hash.digest('hex');
}

/** SHA-256 of what is in LFS; of a file in git the id of its blob: the SHA-1 of `blob SIZE\0` and the content. */
function hashOf(etag: string, size: number): Hash {
  return etag.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${size}\0`);
}

const isDisk = (error: unknown) =>
  ['ENOSPC', 'EDQUOT', 'EIO', 'EROFS', 'EACCES'].includes((error as NodeJS.ErrnoException)?.code ?? '');

/** A link that appears at once; a copy where the system has no links. */
async function link(blob: string, path: string): Promise<void> {
  makeFolder(dirname(path));
  const draft = `${path}.${process.pid}`;
  await symlink(relative(dirname(path), blob), draft).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPERM') throw error;
    await copyFile(blob, draft);
  });
  await rename(draft, path);
}

const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Before the first byte of many comes. */
async function checkSpace(hub: Hub, blobs: string, files: readonly HubFile[]): Promise<void> {
  let needed = 0;
  for (const { etag, size } of files) {
    if (await exists(join(blobs, etag))) continue;
    const parts = await partsOf(join(blobs, etag));
    const sizes = await Promise.all(parts.map(({ path }) => stat(path).then((found) => found.size)));
    needed += Math.max(0, size - Math.max(0, ...sizes));
  }
  const { bavail, bsize } = await statfs(blobs);
  if (needed <= bavail * bsize) return;
  throw new EvalPlannerError(
    'disk',
    `${hub.repository.id} needs ${gigabytes(needed)} more, and ${hub.cache} has ${gigabytes(bavail * bsize)} free`,
    'free some space there, or set HF_HOME to a folder on another disk',
  );
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toFixed(bytes < 1e8 ? 3 : 1)} GB`;

/** The commit that a revision is now. */
export async function commitOf(hub: Hub, revision: string): Promise<string> {
  const { client, parts, repository } = hub;
  const asked = { ...parts, name: repository.id, revision, additionalFields: ['sha' as const] };
  const { sha } = await (repository.type === 'model' ? client.modelInfo(asked) : client.datasetInfo(asked));
  if (!isCommit(sha)) throw unreachable(repository, hub.url, new Error('it names no commit'));
  return sha;
}

/** A small file beside the links, as a whole or not at all, whoever else writes it. */
export async function writeRef(path: string, text: string): Promise<void> {
  makeFolder(dirname(path));
  const draft = `${path}.${process.pid}`;
  await writeFile(draft, text);
  await rename(draft, path);
}

export const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision);
