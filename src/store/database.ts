import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import { EvalPlannerError } from '../errors.ts';
import { makeFolder } from '../files.ts';
import { canonicalJson, type Difference, differences, type Json, key } from '../key.ts';
import type { StoreOptions } from '../store.ts';
import { corrupt, inUse, type Owner, storeFailure } from './failure.ts';
import { lock } from './lock.ts';
import { APPLICATION_ID, SCHEMA, SCHEMA_VERSION } from './schema.ts';
import { DatabaseSync } from './sqlite.ts';

/** Up to this size opening reads the whole file for damage (under a second); in a larger one damage shows as the same
 * error when its page is read. */
const CHECKED_BYTES = 256 * 2 ** 20;

export interface OpenDatabase {
  readonly db: DatabaseSync;
  readonly config: Json;
  release(): void;
}

/** The database at `path`, verified to be a ledger of this config; for reading only when there are no options. */
export function openDatabase(path: string, options: StoreOptions | null): OpenDatabase {
  const inMemory = path === ':memory:';
  let held: { release(): void } | null = null;
  let db: DatabaseSync | undefined;
  try {
    if (options === null && !inMemory && !existsSync(path)) throw noRun(path);
    if (options !== null && !inMemory) {
      makeFolder(dirname(path));
      held = lock(path);
      if (held === null) throw inUse(path, readOwner(path));
    }
    db = options === null && !inMemory ? openReader(path) : new DatabaseSync(path, { timeout: 10_000 });
    const opened = db;
    const config = options === null ? readConfig(opened, path) : prepare(opened, path, options);
    return {
      db: opened,
      config,
      release() {
        try {
          if (held !== null) opened.exec(`DELETE FROM meta WHERE name = 'owner'`);
        } catch {
          // A full disk: the owner is a courtesy to the next one, the lock is what counts.
        }
        opened.close();
        held?.release();
      },
    };
  } catch (error) {
    if (db?.isOpen) db.close();
    held?.release();
    throw storeFailure(error, path);
  }
}

/** SQLite keeps an index of the write-ahead log beside the ledger, for readers too. Where we may not write, and nobody has written
 * since the log was last emptied, it goes without. */
function openReader(path: string): DatabaseSync {
  const alone = !mayWrite(dirname(path)) && !existsSync(`${path}-wal`);
  const url = pathToFileURL(path);
  url.searchParams.set('immutable', '1');
  return new DatabaseSync(alone ? url : path, { readOnly: true, timeout: 10_000 });
}

function mayWrite(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function prepare(db: DatabaseSync, path: string, options: StoreOptions): Json {
  // Readers see a consistent ledger while the run writes. NORMAL: a commit is in the kernel's hands when `put` returns,
  // which is all that a SIGKILL cannot take; only a power cut can lose the last commits, never the ledger itself, and
  // they are generated again. FULL would pay an fsync for every batch.
  // 32,768 pages, 128 MiB, between checkpoints, since keys are random and each batch touches pages all over an index: more of
  // them meet again before they are written.
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 32768');
  fitCache(db);
  if (pragma(db, 'application_id') === 0 && db.prepare('SELECT 1 FROM sqlite_schema').get() === undefined) {
    create(db, options.config);
  }
  verify(db, path);
  const config = acceptConfig(db, path, options);
  const owner: Owner = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  setMeta(db, 'owner', JSON.stringify(owner));
  return config;
}

/** What of a ledger is touched at random, its indexes, stays in memory: a sixteenth of it, from 8 MiB to the 96 MiB that the
 * full published setting wants (its time per thought grew 1.38 × from a tenth to the whole with 32 MiB, 1.27 × with 96). A ledger
 * of 100,000 judgments is 60 MB and no faster with more. To be called again as it grows. */
export function fitCache(db: DatabaseSync): void {
  const kibibytes = (pragma(db, 'page_count') * pragma(db, 'page_size')) / 1024;
  db.exec(`PRAGMA cache_size = -${Math.round(Math.min(98_304, Math.max(8_192, kibibytes / 16)))}`);
}

function create(db: DatabaseSync, config: Json): void {
  db.exec(`BEGIN IMMEDIATE; ${SCHEMA} PRAGMA application_id = ${APPLICATION_ID};
    PRAGMA user_version = ${SCHEMA_VERSION}`);
  storeConfig(db, config);
  db.exec('COMMIT');
}

function verify(db: DatabaseSync, path: string): void {
  if (pragma(db, 'application_id') !== APPLICATION_ID)
    throw corrupt(path, 'it is a database of something else');
  const version = pragma(db, 'user_version');
  if (version > SCHEMA_VERSION) {
    throw new EvalPlannerError(
      'run',
      `${path} was written by a newer version of evalplanner (ledger version ${version}, this one knows ${SCHEMA_VERSION})`,
      'Update evalplanner, or give this run another name.',
    );
  }
  if (version < SCHEMA_VERSION) {
    throw new EvalPlannerError(
      'run',
      `${path} was written by an earlier version of evalplanner (ledger version ${version}, this one reads ${SCHEMA_VERSION})`,
      'Name another folder or file for a new one, or use the version that wrote it.',
    );
  }
  if (path !== ':memory:' && statSync(path).size <= CHECKED_BYTES) {
    const answer = db.prepare('PRAGMA quick_check(1)').get()?.quick_check;
    if (answer !== 'ok') throw corrupt(path, String(answer));
  }
}

function acceptConfig(db: DatabaseSync, path: string, { config, mayChange }: StoreOptions): Json {
  const stored = JSON.parse(meta(db, 'config') ?? 'null') as Json;
  if (meta(db, 'config_hash') === hash(config)) return stored;
  // One that holds nothing yet is of no run.
  const isBegun =
    db.prepare('SELECT 1 FROM stages UNION ALL SELECT 1 FROM generations LIMIT 1').get() !== undefined;
  const refused = isBegun ? differences(stored, config).filter((change) => !mayChange?.(change)) : [];
  if (refused.length > 0) {
    throw new EvalPlannerError(
      'run',
      `${path} holds another run: ${refused.map(describe).join('; ')}`,
      'Give this run another name, or go back to the config that the run was started with.',
    );
  }
  db.exec('BEGIN IMMEDIATE');
  storeConfig(db, config);
  db.exec('COMMIT');
  return JSON.parse(canonicalJson(config)) as Json;
}

function readConfig(db: DatabaseSync, path: string): Json {
  verify(db, path);
  return JSON.parse(meta(db, 'config') ?? 'null') as Json;
}

function storeConfig(db: DatabaseSync, config: Json): void {
  setMeta(db, 'config', canonicalJson(config));
  setMeta(db, 'config_hash', hash(config));
}

function hash(config: Json): string {
  return key({ config });
}

/** `training.lr is 0.1 there and 0.2 here`. */
function describe({ path, a, b }: Difference): string {
  const text = (value: Json | undefined) => {
    const json = value === undefined ? 'not set' : canonicalJson(value);
    return json.length > 60 ? `${json.slice(0, 57)}...` : json;
  };
  return `${path || 'the config'} is ${text(a)} there and ${text(b)} here`;
}

/** Who holds the ledger, as its last writer noted; null when that cannot be told. */
function readOwner(path: string): Owner | null {
  try {
    const db = new DatabaseSync(path, { readOnly: true });
    try {
      return JSON.parse(meta(db, 'owner') ?? 'null') as Owner | null;
    } finally {
      db.close();
    }
  } catch {
    return null;
  }
}

function meta(db: DatabaseSync, name: string): string | undefined {
  return db.prepare('SELECT value FROM meta WHERE name = ?').get(name)?.value as string | undefined;
}

function setMeta(db: DatabaseSync, name: string, value: string): void {
  db.prepare('INSERT OR REPLACE INTO meta VALUES (?, ?)').run(name, value);
}

function pragma(db: DatabaseSync, name: string): number {
  return db.prepare(`PRAGMA ${name}`).get()?.[name] as number;
}

function noRun(path: string): EvalPlannerError {
  return new EvalPlannerError(
    'run',
    `There is no run at ${path}`,
    'Check the name, or start a run with `evalplanner demo`.',
  );
}
