import {
  asyncBufferFromFile,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from 'hyparquet';
import { compressors as known } from 'hyparquet-compressors';
import { wellFormed } from '../text/well-formed.ts';
import { parseJson } from './json.ts';
import type { SourceRow } from './row.ts';

/** Rows of a Parquet file, one row group in memory at a time; a damaged group is reported once. Whole numbers become numbers where
 * they fit exactly, and bigints elsewhere; other decimals likewise, and texts elsewhere. Bytes are the text that they spell in
 * UTF-8, else their base64. NaN is what pandas writes for a missing number: it is absent. */
export async function* parquetRows(
  path: string,
  name: string,
  file: string,
  bad: (at: string, what: string, cause: unknown, rows: number) => void,
): AsyncGenerator<SourceRow> {
  const buffer = await asyncBufferFromFile(path);
  const { metadata, scales } = unscaled(await parquetMetadataAsync(buffer));
  let start = 0;
  for (const group of metadata.row_groups) {
    const end = start + Number(group.num_rows);
    const rows = await parquetReadObjects({
      file: buffer,
      metadata,
      compressors,
      parsers: { jsonFromBytes },
      utf8: false,
      rowStart: start,
      rowEnd: end,
    }).catch((cause: unknown) => {
      const what = cause instanceof Error ? cause.message : String(cause);
      bad(`${name}, rows ${start + 1} to ${end}`, `are damaged: ${what}`, cause, end - start);
      return [];
    });
    for (const [i, row] of rows.entries())
      yield { value: plainRow(row, scales), file, at: `${name}, row ${start + i + 1}` };
    start = end;
  }
}

/** An empty page, as of a column without values, has nothing to unpack; LZ4's unpacker takes that for damage. */
const compressors = Object.fromEntries(
  Object.entries(known).map(([codec, unpack]) => [
    codec,
    (input: Uint8Array, length: number) => (length === 0 ? new Uint8Array() : unpack(input, length)),
  ]),
) as typeof known;

/** The file with its columns of decimals as the whole numbers that they are stored as, and the decimals of each: as floats two ids
 * would become one, and 0.3 would be 0.30000000000000004. */
function unscaled(metadata: FileMetaData): { metadata: FileMetaData; scales: ReadonlyMap<string, number> } {
  const decimals = parquetSchema(metadata)
    .children.map(({ element }) => element)
    .filter(({ converted_type, logical_type }) => [converted_type, logical_type?.type].includes('DECIMAL'));
  const schema = metadata.schema.map((element) => {
    if (!decimals.includes(element)) return element;
    const { converted_type, logical_type, ...stored } = element;
    return stored;
  });
  return {
    metadata: { ...metadata, schema },
    scales: new Map(decimals.map(({ name, scale }) => [name, scale ?? 0])),
  };
}

function plainRow(row: Record<string, unknown>, scales: ReadonlyMap<string, number>): unknown {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      const scale = scales.get(name);
      return [name, plain(scale === undefined ? value : decimal(value, scale))];
    }),
  );
}

/** Digits that every float keeps. */
const EXACT_DIGITS = 15;

function decimal(stored: unknown, scale: number): unknown {
  if (stored === null || stored === undefined) return null;
  const whole =
    stored instanceof Uint8Array
      ? BigInt.asIntN(8 * stored.length, BigInt(`0x${Buffer.from(stored).toString('hex') || '0'}`))
      : BigInt(stored as number | bigint);
  if (scale === 0) return whole;
  const [sign, digits] = whole < 0n ? ['-', String(-whole)] : ['', String(whole)];
  const padded = digits.padStart(scale + 1, '0');
  const text = `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`.replace(/\.?0+$/, '');
  return digits.length <= EXACT_DIGITS ? Number(text) : text;
}

const decoder = new TextDecoder();
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): string {
  try {
    return wellFormed(strict.decode(bytes));
  } catch {
    return Buffer.from(bytes).toString('base64');
  }
}

const jsonFromBytes = (bytes: Uint8Array | undefined) => bytes && parseJson(decoder.decode(bytes));

function plain(value: unknown): unknown {
  if (typeof value === 'string') return wellFormed(value);
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (value === undefined || Number.isNaN(value)) return null;
  if (value instanceof Uint8Array) return textOf(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype)
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
  return value;
}
