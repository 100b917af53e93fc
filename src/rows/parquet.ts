import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { wellFormed } from '../text/well-formed.ts';
import { parseJson } from './json.ts';
import type { SourceRow } from './row.ts';

/** Rows of a Parquet file, one row group in memory at a time; a damaged group is one bad row. 64-bit integers become numbers where
 * they fit exactly, and stay bigints elsewhere. NaN is what pandas writes for a missing number: it is absent. */
export async function* parquetRows(
  path: string,
  name: string,
  file: string,
  bad: (at: string, what: string, cause?: unknown) => void,
): AsyncGenerator<SourceRow> {
  const buffer = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(buffer);
  let start = 0;
  for (const group of metadata.row_groups) {
    const end = start + Number(group.num_rows);
    const rows = await parquetReadObjects({
      file: buffer,
      metadata,
      compressors,
      parsers: { jsonFromBytes },
      rowStart: start,
      rowEnd: end,
    }).catch((cause: unknown) => {
      const what = cause instanceof Error ? cause.message : String(cause);
      bad(`${name}, rows ${start + 1} to ${end}`, `are damaged: ${what}`, cause);
      return [];
    });
    for (const [i, row] of rows.entries())
      yield { value: plain(row), file, at: `${name}, row ${start + i + 1}` };
    start = end;
  }
}

const decoder = new TextDecoder();
const jsonFromBytes = (bytes: Uint8Array | undefined) => bytes && parseJson(decoder.decode(bytes));

function plain(value: unknown): unknown {
  if (typeof value === 'string') return wellFormed(value);
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (Number.isNaN(value)) return null;
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype)
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
  return value;
}
