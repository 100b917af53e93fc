import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { EvalPlannerError } from '../errors.ts';
import { lines } from './lines.ts';
import { MAX_LINE_BYTES, type ReadOptions, type SourceRow } from './row.ts';

const FORMATS = 'jsonl, json, csv, tsv or parquet, the first four also as .gz or .zst';
/** A JSON file is one value and read as a whole. */
const MAX_JSON_BYTES = 2 ** 29;

/** Whether a file's name is that of a data file. */
export function isDataFile(path: string): boolean {
  return /\.(?:parquet|(?:jsonl|ndjson|json|csv|tsv)(?:\.(?:gz|zst))?)$/i.test(path);
}

/** The rows of a data file, streamed: JSON lines, a JSON array, CSV or TSV with a header, Parquet; `-` is standard input and
 * holds JSON lines. Values are as they stand there: nothing is checked but that each row is one.
 * Throws EvalPlannerError `data`, naming file and row. */
export async function* readRows(path: string, options: ReadOptions = {}): AsyncGenerator<SourceRow> {
  const name = path === '-' ? 'standard input' : basename(path);
  const plain = name.replace(/\.(?:gz|zst)$/i, '');
  const file = plain.replace(/\.\w+$/, '');
  const extension = path === '-' ? 'jsonl' : (/\.(\w+)$/.exec(plain)?.[1]?.toLowerCase() ?? '');
  const bad = (at: string, what: string, cause?: unknown): void => {
    const error = new EvalPlannerError('data', `${at} ${what}`, SKIP, cause);
    if (options.onError !== 'skip') throw error;
    options.onBadRow?.(error);
  };
  if (path !== '-') await mustBeFile(path);
  try {
    if (extension === 'jsonl' || extension === 'ndjson') yield* jsonLines(open(path), name, file, bad);
    else if (extension === 'json') yield* jsonArray(open(path), name, file);
    else if (extension === 'csv' || extension === 'tsv')
      yield* (await import('./csv.ts')).csvRows(
        open(path),
        name,
        file,
        extension === 'tsv' ? '\t' : ',',
        bad,
      );
    else if (extension === 'parquet' && plain === name)
      yield* (await import('./parquet.ts')).parquetRows(path, name, file);
    else
      throw new EvalPlannerError(
        'usage',
        `${name} is no data file that can be read`,
        `give it as ${FORMATS}`,
      );
  } catch (error) {
    if (error instanceof EvalPlannerError) throw error;
    const what = error instanceof Error ? error.message : String(error);
    throw new EvalPlannerError('data', `${name} is damaged: ${what}`, 'fetch or write the file again', error);
  }
}

const SKIP = 'correct the row, or leave such rows out with --on-error skip';

async function mustBeFile(path: string): Promise<void> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new EvalPlannerError('data', `cannot read ${path}`, 'check the path and its permissions', cause);
  });
  if (found.isDirectory())
    throw new EvalPlannerError('data', `${path} is a folder`, `name the file in it, as ${FORMATS}`);
}

function open(path: string): Readable {
  if (path === '-') return process.stdin;
  const source = createReadStream(path);
  const decompress = /\.gz$/i.test(path)
    ? createGunzip()
    : /\.zst$/i.test(path)
      ? createZstdDecompress()
      : null;
  // Errors of either stream reach the reader through the last one.
  return decompress === null ? source : pipeline(source, decompress, () => {});
}

type Bad = (at: string, what: string, cause?: unknown) => void;

async function* jsonLines(stream: Readable, name: string, file: string, bad: Bad): AsyncGenerator<SourceRow> {
  for await (const { number, text: line, fault } of lines(stream)) {
    const at = `${name}, line ${number}`;
    if (fault === 'too long') bad(at, `is longer than ${MAX_LINE_BYTES / 2 ** 20} MB`);
    else if (fault !== undefined) bad(at, 'is not UTF-8');
    else {
      const json = number === 1 ? (line as string).replace(/^\uFEFF/, '') : (line as string);
      if (json.trim() === '') continue;
      let value: unknown;
      try {
        value = JSON.parse(json);
      } catch (cause) {
        bad(at, 'is not JSON', cause);
        continue;
      }
      yield { value, file, at };
    }
  }
}

async function* jsonArray(stream: Readable, name: string, file: string): AsyncGenerator<SourceRow> {
  let size = 0;
  const counted = Readable.from(
    (async function* () {
      for await (const chunk of stream as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > MAX_JSON_BYTES)
          throw new EvalPlannerError(
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
    rows = JSON.parse((await text(counted)).replace(/^\uFEFF/, ''));
  } catch (cause) {
    if (cause instanceof EvalPlannerError || !(cause instanceof SyntaxError)) throw cause;
    throw new EvalPlannerError(
      'data',
      `${name} is not JSON: ${cause.message}`,
      'fetch or write the file again',
      cause,
    );
  }
  if (!Array.isArray(rows))
    throw new EvalPlannerError(
      'data',
      `${name} is not a list of rows`,
      'write the rows as a JSON array, or as JSON lines',
    );
  for (const [i, value] of rows.entries()) yield { value, file, at: `${name}, row ${i + 1}` };
}
