import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import type { SchemaElement } from 'hyparquet';
import { EvalPlannerError } from '../errors.ts';

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
      if (stream.write(`${JSON.stringify(row)}\n`)) return;
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

/** Every column is a text or, where all its values of the first group are numbers, a number; lists of messages are lists of
 * structs, as trainers read them; other lists and objects are JSON columns. */
async function parquet(path: string): Promise<RowWriter> {
  const { fileWriter, ParquetWriter } = await import('hyparquet-writer');
  let rows = 0;
  let group: Record<string, unknown>[] = [];
  let writer: InstanceType<typeof ParquetWriter> | null = null;
  let columns: { readonly name: string; readonly type: ColumnType }[] = [];
  const flush = async () => {
    if (group.length === 0) return;
    if (writer === null) {
      const names = [...new Set(group.flatMap(Object.keys))];
      columns = names.map((name) => ({ name, type: typeOf(group.map((row) => row[name])) }));
      const schema: SchemaElement[] = [
        { name: 'root', num_children: columns.length },
        ...columns.flatMap(({ name, type }) => ELEMENTS[type](name)),
      ];
      writer = new ParquetWriter({ writer: fileWriter(draftOf(path)), schema });
    }
    const columnData = columns.map(({ name, type }) => ({
      name,
      data: group.map((row) => cell(row[name], type)),
    }));
    await writer.write({ columnData, rowGroupSize: GROUP });
    group = [];
  };
  const guarded = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      throw unwritable(path, error);
    }
  };
  return {
    get rows() {
      return rows;
    },
    async write(row) {
      rows++;
      group.push(row as Record<string, unknown>);
      if (group.length >= GROUP) await guarded(flush);
    },
    async close() {
      await guarded(async () => {
        await flush();
        if (writer === null) throw new Error('there are no rows, and Parquet takes its columns from them');
        await writer.finish();
      });
      await publish(path);
    },
    async discard() {
      await rm(draftOf(path), { force: true });
    },
  };
}

type ColumnType = 'STRING' | 'DOUBLE' | 'JSON' | 'MESSAGES';

const text = (name: string): SchemaElement => ({
  name,
  type: 'BYTE_ARRAY',
  converted_type: 'UTF8',
  repetition_type: 'OPTIONAL',
});

const ELEMENTS: Readonly<Record<ColumnType, (name: string) => SchemaElement[]>> = {
  STRING: (name) => [text(name)],
  JSON: (name) => [{ ...text(name), converted_type: 'JSON' }],
  DOUBLE: (name) => [{ name, type: 'DOUBLE', repetition_type: 'OPTIONAL' }],
  MESSAGES: (name) => [
    { name, repetition_type: 'OPTIONAL', converted_type: 'LIST', num_children: 1 },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', repetition_type: 'OPTIONAL', num_children: 2 },
    text('role'),
    text('content'),
  ],
};

function typeOf(values: readonly unknown[]): ColumnType {
  const there = values.filter((value) => value !== null && value !== undefined);
  if (there.every((value) => typeof value === 'string')) return 'STRING';
  if (there.every(isMessages)) return 'MESSAGES';
  return there.every((value) => typeof value === 'number') ? 'DOUBLE' : 'JSON';
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
  if (type === 'JSON') return value;
  if (type === 'STRING') return typeof value === 'string' ? value : JSON.stringify(value);
  if (type === 'DOUBLE') return Number(value);
  if (isMessages(value)) return value;
  throw new Error(`a row holds no list of messages where the first ${GROUP} rows do`);
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
