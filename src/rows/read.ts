import { createReadStream } from 'node:fs';
import { access, constants, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';
import { EvalPlannerError } from '../errors.ts';
import { parseJson, TooDeep } from './json.ts';
import { lines } from './lines.ts';
import { MAX_LINE_BYTES, type ReadOptions, type SourceRow } from './row.ts';
import { unzstd } from './zstd.ts';

const FORMATS = 'jsonl, json, csv, tsv or parquet, the first four also as .gz or .zst';
const TSV = new Set(['tsv', 'tab']);
/** A JSON file is one value and read as a whole. */
const MAX_JSON_BYTES = 2 ** 29;

/** Whether a file's name is that of a data file. */
export function isDataFile(path: string): boolean {
  return /\.(?:parquet|(?:jsonl|ndjson|json|csv|tsv|tab)(?:\.(?:gz|zst))?)$/i.test(path);
}

/** The rows of a data file, streamed: JSON lines, a JSON array, CSV or TSV with a header, Parquet; `-` is standard input and
 * holds JSON lines. Values are as they stand there: nothing is checked but that each row is one.
 * Throws EvalPlannerError `data`, naming file and row. */
export async function* readRows(path: string, options: ReadOptions = {}): AsyncGenerator<SourceRow> {
  const name = path === '-' ? 'standard input' : basename(path);
  const plain = name.replace(/\.(?:gz|zst)$/i, '');
  const file = plain.replace(/\.\w+$/, '');
  const extension = path === '-' ? 'jsonl' : (/\.(\w+)$/.exec(plain)?.[1]?.toLowerCase() ?? '');
  const report = (error: EvalPlannerError, rows = 1): void => {
    if (options.onError !== 'skip') throw error;
    options.onBadRow?.(error, rows);
  };
  // Not every command can leave rows out: a benchmark without some of its rows is another one.
  const remedy =
    options.onError === undefined
      ? CORRECT
      : `${CORRECT}, or leave such rows out: --on-error skip, in a config onBadRow: skip`;
  const bad = (at: string, what: string, cause?: unknown, rows?: number): void =>
    report(new EvalPlannerError('data', `${at} ${what}`, remedy, cause), rows);
  let last: SourceRow | null = null;
  if (path !== '-') await mustBeFile(path);
  const rows = (async function* () {
    if (extension === 'jsonl' || extension === 'ndjson')
      yield* jsonLines(bytesOf(path, name), name, file, bad);
    else if (extension === 'json') yield* jsonArray(bytesOf(path, name), name, file);
    else if (extension === 'csv' || TSV.has(extension))
      yield* (await import('./csv.ts')).csvRows(
        bytesOf(path, name),
        name,
        file,
        extension === 'csv' ? 'csv' : 'tsv',
        bad,
      );
    else if (extension === 'parquet' && plain === name)
      yield* (await import('./parquet.ts')).parquetRows(path, name, file, bad);
    else
      throw new EvalPlannerError(
        'usage',
        `${name} is no data file that can be read`,
        `give it as ${FORMATS}`,
      );
  })();
  try {
    for (;;) {
      const next = await rows.next().catch((error: unknown) => {
        if (error instanceof EvalPlannerError && !(error instanceof DamagedFile)) throw error;
        report(damaged(name, last, error));
        return null;
      });
      if (next === null || next.done) return;
      last = next.value;
      yield next.value;
    }
  } finally {
    await rows.return(undefined);
  }
}

/** A file that is not what its name says. */
class DamagedFile extends EvalPlannerError {}

function damaged(name: string, last: SourceRow | null, cause: unknown): EvalPlannerError {
  if (cause instanceof DamagedFile) return cause;
  const what = cause instanceof Error ? cause.message : String(cause);
  const where = last === null ? '' : ` behind ${last.at.slice(last.at.lastIndexOf(', ') + 2)}`;
  return new EvalPlannerError(
    'data',
    `${name} is damaged${where}: ${what}`,
    'fetch or write the file again',
    cause,
  );
}

const CORRECT = 'correct the row';

async function mustBeFile(path: string): Promise<void> {
  const unreadable = (cause: unknown) => {
    throw new EvalPlannerError('data', `cannot read ${path}`, 'check the path and its permissions', cause);
  };
  const found = await stat(path).catch(unreadable);
  await access(path, constants.R_OK).catch(unreadable);
  if (found.isDirectory())
    throw new EvalPlannerError('data', `${path} is a folder`, `name the file in it, as ${FORMATS}`);
}

function open(path: string): Readable {
  if (path === '-') return process.stdin;
  const source = createReadStream(path);
  if (/\.zst$/i.test(path)) return Readable.from(unzstd(source), { objectMode: false });
  // Errors of either stream reach the reader through the last one.
  return /\.gz$/i.test(path) ? pipeline(source, createGunzip(), () => {}) : source;
}

/** The bytes of a text file. Throws where they are UTF-16, which some spreadsheets and shells write. */
async function* bytesOf(path: string, name: string): AsyncGenerator<Buffer> {
  let first = true;
  for await (const chunk of open(path) as AsyncIterable<Buffer>) {
    if (first && isWide(chunk))
      throw new DamagedFile('data', `${name} is UTF-16 or UTF-32, not UTF-8`, 'save it as UTF-8');
    first = false;
    yield chunk;
  }
}

/** By its mark, or by the half of its first ASCII character that is NUL. */
const isWide = ([a, b]: Buffer) =>
  (a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff) || a === 0 || b === 0;

type Bad = (at: string, what: string, cause?: unknown) => void;

async function* jsonLines(
  stream: AsyncIterable<Buffer>,
  name: string,
  file: string,
  bad: Bad,
): AsyncGenerator<SourceRow> {
  for await (const { number, text: line, fault } of lines(stream)) {
    const at = `${name}, line ${number}`;
    if (fault === 'too long') bad(at, `is longer than ${MAX_LINE_BYTES / 2 ** 20} MB`);
    else if (fault !== undefined) bad(at, 'is not UTF-8');
    else {
      const json = line.replace(/^\uFEFF/, '');
      if (json.trim() === '') continue;
      let value: unknown;
      try {
        value = parseJson(json);
      } catch (cause) {
        bad(at, cause instanceof TooDeep ? cause.message : 'is not JSON', cause);
        continue;
      }
      yield { value, file, at };
    }
  }
}

async function* jsonArray(
  stream: AsyncIterable<Buffer>,
  name: string,
  file: string,
): AsyncGenerator<SourceRow> {
  let size = 0;
  const counted = Readable.from(
    (async function* () {
      for await (const chunk of stream) {
        size += chunk.length;
        if (size > MAX_JSON_BYTES)
          throw new DamagedFile(
            'data',
            `${name} is larger than 512 MB`,
            'write it as JSON lines (.jsonl), which are streamed',
          );
        yield chunk;
      }
    })(),
  );
  let rows: unknown;
  try {
    const decoder = new TextDecoder('utf-8', { fatal: true });
    rows = parseJson(decoder.decode(await buffer(counted)));
  } catch (cause) {
    if (cause instanceof TypeError)
      throw new DamagedFile('data', `${name} is not UTF-8`, 'fetch or write the file again', cause);
    if (!(cause instanceof SyntaxError)) throw cause;
    if (cause instanceof TooDeep)
      throw new DamagedFile('data', `${name} ${cause.message}`, 'write flatter rows', cause);
    throw new DamagedFile(
      'data',
      `${name} is not JSON: ${cause.message}`,
      'fetch or write the file again; if each of its lines is a row, call it .jsonl',
      cause,
    );
  }
  if (!Array.isArray(rows))
    throw new DamagedFile(
      'data',
      `${name} is not a list of rows`,
      'write the rows as a JSON array, or as JSON lines',
    );
  for (const [i, value] of rows.entries()) yield { value, file, at: `${name}, row ${i + 1}` };
}
