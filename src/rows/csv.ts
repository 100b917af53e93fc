import type { Readable } from 'node:stream';
import { type CsvError, parse } from 'csv-parse';
import type { SourceRow } from './row.ts';

/** Rows of a CSV file with a header line; every value is a text, an empty one is absent (null). */
export async function* csvRows(
  stream: Readable,
  name: string,
  file: string,
  delimiter: string,
  bad: (at: string, what: string, cause?: unknown) => void,
): AsyncGenerator<SourceRow> {
  const skipped: CsvError[] = [];
  const parser = parse({
    delimiter,
    columns: distinct,
    bom: true,
    info: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: 64 * 2 ** 20,
    on_skip: (error) => {
      if (error) skipped.push(error);
    },
  });
  stream.on('error', (error) => parser.destroy(error));
  const report = () => {
    for (const error of skipped.splice(0)) bad(`${name}, line ${error.lines ?? '?'}`, reason(error), error);
  };
  for await (const { record, info } of stream.pipe(parser) as AsyncIterable<Parsed>) {
    report();
    const at = `${name}, line ${info.lines}`;
    if (Object.values(record).some((text) => text.includes('\uFFFD'))) bad(at, 'is not UTF-8');
    else yield { value: absentIfEmpty(record), file, at };
  }
  report();

  // Of two columns of one name the first would be lost.
  function distinct(header: string[]): string[] {
    const twice = header.find((column, i) => header.indexOf(column) < i);
    if (twice !== undefined) throw new Error(`its header names the column ${twice} twice`);
    return header;
  }
}

interface Parsed {
  readonly record: Readonly<Record<string, string>>;
  readonly info: { readonly lines: number };
}

const absentIfEmpty = (record: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(record).map(([column, text]) => [column, text === '' ? null : text]));

function reason(error: CsvError): string {
  if (error.code.startsWith('CSV_RECORD_INCONSISTENT')) return 'has not as many columns as the header';
  if (error.code === 'CSV_QUOTE_NOT_CLOSED') return 'opens a quote that nothing closes';
  return `is not CSV: ${error.message}`;
}
