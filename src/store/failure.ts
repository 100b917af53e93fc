import { EvalPlannerError } from '../errors.ts';

// Primary SQLite result codes; the low byte of the extended ones (https://sqlite.org/rescode.html).
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

/** The error a user sees for a failure of SQLite or the file system; any other value comes back as it is. */
export function storeFailure(error: unknown, path: string): unknown {
  if (error instanceof EvalPlannerError || !(error instanceof Error)) return error;
  const { errcode, code } = error as Error & { errcode?: number; code?: string };
  switch (errcode === undefined ? undefined : errcode & 0xff) {
    case CORRUPT:
    case NOTADB:
      return corrupt(path, error.message, error);
    case FULL:
      return full(path, error);
    case READONLY:
      return denied(path, error);
    case CANTOPEN:
      return denied(path, error);
    case IOERR:
      return new EvalPlannerError(
        'disk',
        `The disk failed while ${path} was in use: ${error.message}`,
        'Check the disk and its free space, then run the same command again: everything stored so far is kept.',
        error,
      );
    case BUSY:
    case LOCKED:
      return inUse(path, null, error);
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') return full(path, error);
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return denied(path, error);
  if (code === 'ENOTDIR' || code === 'EEXIST' || code === 'ENOENT' || code === 'EISDIR')
    return denied(path, error);
  return error;
}

export function corrupt(path: string, detail: string, cause?: unknown): EvalPlannerError {
  return new EvalPlannerError(
    'run',
    `${path} is damaged or is not a run: ${detail}`,
    'Restore the file from a copy, or move it away and run the same command again to start over.',
    cause,
  );
}

/** Who holds a run, as far as its ledger says. */
export interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly since: string;
}

export function inUse(path: string, owner: Owner | null, cause?: unknown): EvalPlannerError {
  const who =
    owner === null ? 'Another process' : `Process ${owner.pid} on ${owner.host} (since ${owner.since})`;
  return new EvalPlannerError(
    'run',
    `${who} is working on ${path}`,
    'Wait for it or stop it, then run the same command again.',
    cause,
  );
}

function full(path: string, cause: Error): EvalPlannerError {
  return new EvalPlannerError(
    'disk',
    `The disk is full: ${path} could not grow`,
    'Free some space and run the same command again: everything stored so far is kept.',
    cause,
  );
}

function denied(path: string, cause: Error): EvalPlannerError {
  return new EvalPlannerError(
    'disk',
    `${path} cannot be opened for writing: ${cause.message}`,
    'Make it writable, or name another place for it.',
    cause,
  );
}

/** A refusal of the file system as the error a user sees; anything else as it is. */
export function diskFailure(error: unknown, folder: string): unknown {
  const { path, dest } = (error ?? {}) as { readonly path?: unknown; readonly dest?: unknown };
  // Of a copy it is what is written that could not be.
  return storeFailure(error, [dest, path].find((place) => typeof place === 'string') ?? folder);
}
