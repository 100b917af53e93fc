import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import type { SourceRow } from './row.ts';

/** Rows of a Parquet file, one row group in memory at a time; a damaged group is one bad row. 64-bit integers become numbers where they fit exactly. */
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

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype)
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, plain(part)]));
  return value;
}
