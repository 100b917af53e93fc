import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import type { SchemaElement } from 'hyparquet';
import { EvalPlannerError } from '../errors.ts';
import { parseJson, toJson } from './json.ts';
import { lines } from './lines.ts';

/** Takes rows one by one; the file appears under its name when it is closed, as a whole or not at all. */
export interface RowWriter {
  readonly rows: number;
  write(row: object): Promise<void>;
  close(): Promise<void>;
  /** Gives up: nothing is left of it. */
  discard(): Promise<void>;
}

/** Writes JSON lines (`.jsonl`) or Parquet (`.parquet`), told by the name. */
export async function openRows(path: string): Promise<RowWriter> {
  if (/\.parquet$/i.test(path)) return parquet(path);
  if (/\.(?:jsonl|ndjson)$/i.test(path)) return jsonLines(path);
  throw new EvalPlannerError(
    'usage',
    `${path} is no kind of file that can be written`,
    'name it .jsonl or .parquet',
  );
}

const draftOf = (path: string) => `${path}.draft`;

/** The draft, synced and under its name. */
async function publish(path: string): Promise<void> {
  try {
    const file = await open(draftOf(path), 'r+');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draftOf(path), path);
  } catch (error) {
    throw unwritable(path, error);
  }
}

async function jsonLines(path: string): Promise<RowWriter> {
  const stream = createWriteStream(draftOf(path));
  let failed: unknown;
  stream.on('error', (error) => {
    failed = error;
  });
  await once(stream, 'open').catch((error: unknown) => {
    throw unwritable(path, error);
  });
  let rows = 0;
  return {
    get rows() {
      return rows;
    },
    async write(row) {
      if (failed !== undefined) throw unwritable(path, failed);
      rows++;
      if (stream.write(`${toJson(row)}\n`)) return;
      await once(stream, 'drain').catch((error: unknown) => {
        throw unwritable(path, error);
      });
    },
    async close() {
      stream.end();
      if (!stream.closed) await once(stream, 'close');
      if (failed !== undefined) throw unwritable(path, failed);
      await publish(path);
    },
    async discard() {
      stream.destroy();
      await rm(draftOf(path), { force: true });
    },
  };
}

/** Rows of one row group, so of what is in memory. */
const GROUP = 1024;

/** A column is what all its values are: texts, whole numbers of 64 bits, numbers, or lists of messages, which are lists of
 * structs, as trainers read them; anything else, and what is mixed, is a JSON column. What its columns are is known when the last
 * row is: a field may first occur there. So rows lie in a file of JSON lines till then. */
async function parquet(path: string): Promise<RowWriter> {
  const spool = `${draftOf(path)}.jsonl`;
  const spooled = await jsonLines(spool);
  const columns = new Map<string, Column>();
  const drop = async () => {
    await spooled.discard();
    await rm(spool, { force: true });
  };
  return {
    get rows() {
      return spooled.rows;
    },
    async write(row) {
      for (const [name, value] of Object.entries(row)) {
        // A column that is empty throughout is one nevertheless.
        if (!columns.has(name)) columns.set(name, { kinds: new Set() });
        if (value === null || value === undefined) continue;
        const column = columns.get(name) as Column;
        column.kinds.add(kindOf(value));
        if (column.tooLong === undefined && holdsBigInt(value)) column.tooLong = spooled.rows + 1;
      }
      await spooled.write(row);
    },
    async close() {
      await spooled.close();
      try {
        await fromLines(spool, path, columns);
      } catch (error) {
        throw unwritable(path, error);
      } finally {
        await drop();
      }
      await publish(path);
    },
    async discard() {
      await drop();
      await rm(draftOf(path), { force: true });
    },
  };
}

async function fromLines(spool: string, path: string, found: ReadonlyMap<string, Column>): Promise<void> {
  const { fileWriter, ParquetWriter } = await import('hyparquet-writer');
  const columns = [...found].map(([name, column]) => ({ name, type: typeOf(name, column) }));
  if (columns.length === 0) throw new Error('there are no rows, and Parquet takes its columns from them');
  const schema: SchemaElement[] = [
    { name: 'root', num_children: columns.length },
    ...columns.flatMap(({ name, type }) => ELEMENTS[type](name)),
  ];
  const writer = new ParquetWriter({ writer: fileWriter(draftOf(path)), schema });
  let group: Record<string, unknown>[] = [];
  const flush = async () => {
    const columnData = columns.map(({ name, type }) => ({
      name,
      data: group.map((row) => cell(row[name], type)),
    }));
    await writer.write({ columnData, rowGroupSize: GROUP });
    group = [];
  };
  for await (const { text } of lines(createReadStream(spool), '\n', Infinity)) {
    group.push(parseJson(text) as Record<string, unknown>);
    if (group.length >= GROUP) await flush();
  }
  if (group.length > 0) await flush();
  await writer.finish();
}

type Kind = 'text' | 'number' | 'whole' | 'long' | 'messages' | 'other';

/** What the values of a column are. */
interface Column {
  readonly kinds: Set<Kind>;
  /** The first row in which it holds a whole number beyond 2^53. */
  tooLong?: number;
}

function kindOf(value: unknown): Kind {
  if (typeof value === 'string') return 'text';
  if (typeof value === 'number') return Number.isSafeInteger(value) ? 'whole' : 'number';
  if (typeof value === 'bigint') return BigInt.asIntN(64, value) === value ? 'long' : 'other';
  return isMessages(value) ? 'messages' : 'other';
}

function holdsBigInt(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint';
  return Object.values(value).some(holdsBigInt);
}

type ColumnType = 'STRING' | 'DOUBLE' | 'INT64' | 'JSON' | 'MESSAGES';

const text = (name: string): SchemaElement => ({
  name,
  type: 'BYTE_ARRAY',
  converted_type: 'UTF8',
  repetition_type: 'OPTIONAL',
});

const ELEMENTS: Readonly<Record<ColumnType, (name: string) => SchemaElement[]>> = {
  STRING: (name) => [text(name)],
  JSON: (name) => [{ ...text(name), converted_type: 'JSON' }],
  INT64: (name) => [{ name, type: 'INT64', repetition_type: 'OPTIONAL' }],
  DOUBLE: (name) => [{ name, type: 'DOUBLE', repetition_type: 'OPTIONAL' }],
  MESSAGES: (name) => [
    { name, repetition_type: 'OPTIONAL', converted_type: 'LIST', num_children: 1 },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', repetition_type: 'OPTIONAL', num_children: 2 },
    text('role'),
    text('content'),
  ],
};

function typeOf(name: string, { kinds, tooLong }: Column): ColumnType {
  const only = (...some: Kind[]) => [...kinds].every((kind) => some.includes(kind));
  if (only('text')) return 'STRING';
  if (only('messages')) return 'MESSAGES';
  if (only('long', 'whole')) return 'INT64';
  if (only('number', 'whole')) return 'DOUBLE';
  // JSON columns are read by readers that round it.
  if (tooLong !== undefined)
    throw new EvalPlannerError(
      'data',
      `row ${tooLong} has a whole number beyond 2^53 in ${name}, which holds other values too: Parquet would not keep it exactly`,
      'write .jsonl, or make that column texts',
    );
  return 'JSON';
}

function isMessages(value: unknown): boolean {
  if (!Array.isArray(value) || value.length === 0) return false;
  return value.every(
    (message) =>
      typeof message?.role === 'string' &&
      typeof message.content === 'string' &&
      Object.keys(message).length === 2,
  );
}

function cell(value: unknown, type: ColumnType): unknown {
  if (value === undefined || value === null) return null;
  return type === 'INT64' ? BigInt(value as number) : value;
}

function unwritable(path: string, cause: unknown): EvalPlannerError {
  if (cause instanceof EvalPlannerError) return cause;
  const what = cause instanceof Error ? cause.message : String(cause);
  return new EvalPlannerError(
    'disk',
    `cannot write ${path}: ${what}`,
    'check the folder, its permissions and the space on its disk',
    cause,
  );
}
