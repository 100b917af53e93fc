import { wellFormed } from '../text/well-formed.ts';
import { type Line, lines } from './lines.ts';
import { MAX_LINE_BYTES, type SourceRow } from './row.ts';

type Bad = (at: string, what: string, cause?: unknown) => void;

/** Rows of a CSV or TSV file with a header line; every value is a text, and an empty cell is absent (null), but for `""`, which is
 * the empty text. CSV is read as Python's csv module and spreadsheets read it: a quote is a sign only where it begins a cell, and
 * elsewhere itself. TSV has no quotes and no escapes: a line is a row. A carriage return within a line is itself, since many a
 * writer of unquoted cells leaves it there; those that end a line, how many there are, are its end. */
export async function* csvRows(
  stream: AsyncIterable<Buffer>,
  name: string,
  file: string,
  format: 'csv' | 'tsv',
  bad: Bad,
): AsyncGenerator<SourceRow> {
  const source = new Lines(lines(...(await withEnds(stream, format))));
  const records = () => (format === 'csv' ? csvRecord(source) : tsvRecord(source));
  let header: readonly string[] | null = null;
  let count = 0;
  for (let record = await records(); record !== null; record = await records()) {
    const { cells, line, fault } = record;
    // An empty line is no row.
    if (fault === null && cells.length === 1 && cells[0] === null) continue;
    if (header === null) {
      if (fault !== null) throw new Error(`its header ${fault}`);
      header = headerOf(cells);
      continue;
    }
    const at = `${name}, row ${++count} (line ${line})`;
    if (fault !== null) bad(at, fault);
    else if (cells.length !== header.length) {
      const hint = format === 'tsv' ? '; TSV has no quotes: a cell with tabs or line ends needs CSV' : '';
      bad(at, `has not as many columns as the header: ${cells.length}, not ${header.length}${hint}`);
    } else yield { value: Object.fromEntries(header.map((column, i) => [column, cells[i]])), file, at };
  }
}

function headerOf(cells: readonly (string | null)[]): string[] {
  const header = cells.map((cell) => cell ?? '');
  // Of two columns of one name the first would be lost.
  const twice = header.find((column, i) => header.indexOf(column) < i);
  if (twice !== undefined) throw new Error(`its header names the column ${twice} twice`);
  return header;
}

interface Record {
  readonly cells: readonly (string | null)[];
  /** The first of its lines. */
  readonly line: number;
  /** Why it is no row. */
  readonly fault: string | null;
}

async function tsvRecord(source: Lines): Promise<Record | null> {
  const line = await source.next();
  if (line === null) return null;
  const cells = textOf(line)
    .replace(/\r+$/, '')
    .split('\t')
    .map((cell) => (cell === '' ? null : wellFormed(cell)));
  return { cells, line: line.number, fault: faultOf([line]) };
}

/** The next record. Where a quote opens a cell that no quote ends, its line alone is the faulty record: the lines behind it are
 * read anew, so that no row is lost in another. */
async function csvRecord(source: Lines): Promise<Record | null> {
  const first = await source.next();
  if (first === null) return null;
  const taken = [first];
  let text = textOf(first);
  let size = text.length;
  const cells: (string | null)[] = [];
  let start = 0;
  for (;;) {
    if (text[start] !== '"') {
      const end = cellEnd(text, start);
      cells.push(end === start ? null : wellFormed(text.slice(start, end)));
      if (text[end] !== ',') break;
      start = end + 1;
      continue;
    }
    const parts: string[] = [];
    let from = start + 1;
    let quote = closing(text, from);
    const spans = taken.length;
    while (quote < 0) {
      const { end } = taken.at(-1) as Line;
      const next = size > MAX_LINE_BYTES ? null : await source.next();
      if (next === null) return open(taken);
      parts.push(text.slice(from), end);
      taken.push(next);
      text = textOf(next);
      size += text.length;
      from = 0;
      quote = closing(text, from);
    }
    const end = cellEnd(text, quote + 1);
    // Behind a closing quote stands the end of its cell. Within one line the rest is taken as Python takes it; over several
    // lines it is the sign that the quote which opened was a bare one, and the rows between are rows.
    if (end > quote + 1 && taken.length > spans) return open(taken);
    parts.push(text.slice(from, quote));
    cells.push(wellFormed(parts.join('').replaceAll('""', '"') + text.slice(quote + 1, end)));
    if (text[end] !== ',') break;
    start = end + 1;
  }
  return { cells, line: first.number, fault: faultOf(taken) };

  function open([line, ...behind]: Line[]): Record {
    source.back(behind);
    return {
      cells: [],
      line: (line as Line).number,
      fault: 'opens a quote that nothing closes',
    };
  }
}

/** Where the comma is that ends a cell, or the end of its line. */
function cellEnd(text: string, from: number): number {
  const comma = text.indexOf(',', from);
  if (comma >= 0) return comma;
  let end = text.length;
  while (end > from && text[end - 1] === '\r') end--;
  return end;
}

/** Where the quote is that ends a cell; -1 where none does. */
function closing(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 2))
    if (text[at + 1] !== '"') return at;
  return -1;
}

const textOf = ({ number, text }: Line) => (number === 1 ? text.replace(/^\uFEFF/, '') : text);

function faultOf(taken: readonly Line[]): string | null {
  const fault = taken.find((line) => line.fault !== undefined)?.fault;
  if (fault === undefined) return null;
  return fault === 'not UTF-8' ? 'is not UTF-8' : `is longer than ${MAX_LINE_BYTES / 2 ** 20} MB`;
}

/** Lines that can be given back. */
class Lines {
  readonly #source: AsyncGenerator<Line>;
  readonly #back: Line[] = [];

  constructor(source: AsyncGenerator<Line>) {
    this.#source = source;
  }

  async next(): Promise<Line | null> {
    const given = this.#back.pop();
    if (given) return given;
    const { value, done } = await this.#source.next();
    return done ? null : value;
  }

  back(taken: readonly Line[]): void {
    this.#back.push(...taken.toReversed());
  }
}

/** The bytes, and what ends their lines: a return where the first line ends in returns alone, as spreadsheets of old Macs write. */
async function withEnds(
  stream: AsyncIterable<Buffer>,
  format: 'csv' | 'tsv',
): Promise<[bytes: AsyncIterable<Buffer>, end: '\n' | '\r']> {
  const chunks = stream[Symbol.asyncIterator]();
  const first = await chunks.next();
  async function* all() {
    try {
      for (let next = first; !next.done; next = await chunks.next()) yield next.value;
    } finally {
      await chunks.return?.();
    }
  }
  const head = first.done ? '' : first.value.toString('latin1');
  // Within quotes it ends no line.
  const returns = format === 'csv' ? /^(?:"[^"]*"|[^"\r\n])*\r+[^\r\n]/ : /^[^\r\n]*\r+[^\r\n]/;
  return [all(), returns.test(head) ? '\r' : '\n'];
}
