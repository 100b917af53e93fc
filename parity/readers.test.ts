import { isUtf8 } from 'node:buffer';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { readRows } from '../src/rows/read.ts';
import { openRows } from '../src/rows/write.ts';
import { Reference } from './reference.ts';

/** Random files through our readers and through Python's: the same rows, or a refusal that names the row. Where the two differ on
 * purpose, a rule below says how. */

const python = inject('python');
const SEED = 20261201;

let folder: string;
let other: Reference;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'readers-'));
  if (python !== null) other = new Reference(python, 'readers.py');
});
afterAll(() => {
  other?.close();
  rmSync(folder, { recursive: true });
});

const ask = <Result>(what: string, job: object) => other.ask<Result>({ do: what, ...job });

/** What a reader gives: rows and refusals, in their order. */
type Event = { readonly at: string; readonly value?: unknown; readonly refused?: string };

async function ours(path: string): Promise<Event[]> {
  const events: Event[] = [];
  const onBadRow = ({ message }: Error) => events.push({ at: message, refused: message });
  for await (const { value, at } of readRows(path, { onError: 'skip', onBadRow })) events.push({ at, value });
  return events;
}

let files = 0;
function write(content: string | Uint8Array, extension: string): string {
  const path = join(folder, `${files++}.${extension}`);
  writeFileSync(path, content);
  return path;
}

const lineOf = ({ at }: Event) => Number(/\bline (\d+)/.exec(at)?.[1]);

/** A rule: half a surrogate pair and NUL are U+FFFD, in every text. */
const oneText = (text: string) => text.toWellFormed().replaceAll('\0', '\uFFFD');

/** A value of Python's, as ours are written. */
function known(value: unknown): unknown {
  if (typeof value === 'string') return oneText(value);
  if (Array.isArray(value)) return value.map(known);
  if (value === null || typeof value !== 'object') return value;
  const [[key, text] = [], ...more] = Object.entries(value) as [string, string][];
  if (key?.startsWith('$') && text !== undefined && more.length === 0) {
    if (key === '$whole') return BigInt(text);
    if (key === '$float') return text === 'nan' ? null : text === 'inf' ? Infinity : -Infinity;
    if (key === '$time' || key === '$date')
      return new Date(/[+Z]|T.*-/.test(text) || key === '$date' ? text : `${text}Z`);
    if (key === '$decimal') return decimal(text);
    if (key === '$bytes') return bytes(Buffer.from(text, 'hex'));
    if (key === '$uuid') return text;
  }
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, known(part)]));
}

/** A rule: decimals are numbers where a float keeps all their digits, else texts; whole ones are exact anyway. */
function decimal(text: string): unknown {
  if (!text.includes('.')) return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);
  const digits = text.replace(/[-.]/g, '').replace(/^0+/, '').length;
  return digits <= 15 ? Number(text) : text.replace(/\.?0+$/, '');
}

/** A rule: bytes are the text that they spell in UTF-8, else their base64. */
function bytes(found: Buffer): string {
  return isUtf8(found) ? oneText(found.toString('utf8')) : found.toString('base64');
}

const PIECES = [
  'a',
  '27"',
  '"',
  '""',
  '","',
  ',',
  ',',
  '\n',
  '\n',
  '\r\n',
  '\r',
  ' ',
  'ÿ😀',
  '\u2028',
  '\0',
  '\t',
  '\uFEFF',
  '\uFFFD',
  '1',
];
const cell = fc.array(fc.constantFrom(...PIECES), { maxLength: 5 }).map((pieces) => pieces.join(''));
const samples = <T>(arbitrary: fc.Arbitrary<T>, count: number) =>
  fc.sample(arbitrary, { seed: SEED, numRuns: count });

describe.skipIf(python === null)('CSV', () => {
  const table = fc
    .integer({ min: 1, max: 4 })
    .chain((width) => fc.array(fc.array(cell, { minLength: width, maxLength: width }), { maxLength: 8 }));
  const dialects = ['\n', '\r\n', '\r'].flatMap((lineterminator) =>
    [0, 1].map((quoting) => ({ lineterminator, quoting })),
  );

  it('as csv.writer writes it, in every dialect of its quotes and line ends', async () => {
    for (const [i, written] of samples(table, 240).entries()) {
      const dialect = dialects[i % dialects.length] as (typeof dialects)[0];
      // What csv leaves without quotes, and then reads as a line's end.
      const strange =
        { '\n': /\r/g, '\r': /\n/g }[dialect.quoting === 1 ? '' : dialect.lineterminator] ?? /$^/g;
      const rows = written.map((row) => row.map((text) => text.replace(strange, '')));
      const header = (rows[0] ?? ['']).map((_, n) => `h${n}`);
      const path = join(folder, `written-${i}.csv`);
      await ask('csv_write', { path, rows: [header, ...rows], ...dialect });
      const [head, ...records] = await ask<string[][]>('csv_file', { path, delimiter: ',' });
      expect(head).toEqual(header);
      // Python cannot tell an empty cell from an empty text.
      const cells = (await ours(path)).map(({ value }) =>
        Object.values(value as object).map((text) => text ?? ''),
      );
      expect(cells, path).toEqual(records.map((record) => record.map(oneText)));
    }
  });

  it('an empty cell is absent, and "" is a text, as pyarrow tells them apart', async () => {
    const plain = fc.constantFrom('', '""', 'a', '"a"', '" "', '"x, ""y"""', '"two\nlines"', 'null', 'NaN');
    const line = fc.array(plain, { minLength: 3, maxLength: 3 }).map((cells) => cells.join(','));
    for (const rows of samples(fc.array(line, { minLength: 1, maxLength: 9 }), 60)) {
      const path = write(`a,b,c\n${rows.join('\n')}\n`, 'csv');
      const cells = (await ours(path)).map(({ value }) => Object.values(value as object));
      expect(cells).toEqual(await ask('arrow_csv', { path }));
    }
  });

  it('of any text: what csv reads from the same line on, or a refusal that names it; and no line is lost', async () => {
    const text = fc.array(fc.constantFrom(...PIECES), { maxLength: 40 }).map((pieces) => pieces.join(''));
    let rows = 0;
    for (const body of samples(text, 1500)) {
      // Lines end in newlines here: what stands first decides.
      const content = `h,i\n${body}`;
      const path = write(content, 'csv');
      const from = await ask<{ cells: string[]; lines: number }[]>('csv_from_each_line', { path });
      let line = 2;
      const skipBlank = () => {
        while (from[line - 1]?.cells.length === 0) line++;
      };
      for (const event of await ours(path)) {
        skipBlank();
        const theirs = from[line - 1];
        expect(lineOf(event), content).toBe(line);
        if (event.value !== undefined) {
          rows++;
          // A rule: a return that ends no line is itself.
          const cells = Object.values(event.value as object).map((text) =>
            (text ?? '').replace(/\r(?!\r*\n)/g, '_'),
          );
          expect(cells, content).toEqual(theirs?.cells.map(oneText));
        }
        // A rule: a quote that nothing closes costs its own line, where csv takes all that follows.
        if (event.refused?.endsWith('nothing closes')) line++;
        else {
          if (event.refused) expect(theirs?.cells.length, content).not.toBe(2);
          line += theirs?.lines as number;
        }
      }
      skipBlank();
      expect(line, content).toBeGreaterThan(from.length);
    }
    expect(rows).toBeGreaterThan(100);
  });

  it('TSV: a line is a row, whatever its quotes', async () => {
    // A rule, as in CSV: a return that ends no line is itself, where csv ends the line.
    const pieces = fc.constantFrom(...PIECES.filter((piece) => piece !== '\r'), '\t', '\t', '\t');
    const text = fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join(''));
    let rows = 0;
    for (const body of samples(text, 500)) {
      const path = write(`h\ti\n${body}`, 'tsv');
      const [, ...records] = await ask<string[][]>('csv_file', { path, delimiter: '\t' });
      const found = await ours(path);
      expect(found).toHaveLength(records.length);
      for (const [i, { value, refused }] of found.entries()) {
        if (refused === undefined) rows++;
        const record = records[i] as string[];
        const cells = Object.values((value ?? {}) as object).map((text) => text ?? '');
        if (record.length === 2) expect(cells).toEqual(record.map(oneText));
        else expect(refused).toMatch(/has not as many columns as the header/);
      }
    }
    expect(rows).toBeGreaterThan(100);
  });
});

/** Values of JSON as texts, in every way that they can be written, and some that are none. */
const jsonText = fc.letrec<{ value: string; object: string }>((tie) => {
  const space = fc.constantFrom('', '', '', ' ', '\t', ' \r');
  const wrong = [
    'NaN',
    '-Infinity',
    '01',
    '+1',
    '1.',
    '.5',
    "'a'",
    '"\\x"',
    '"\t"',
    'tru',
    '',
    '[1,]',
    '"open',
  ];
  const numbers = [
    '0',
    '7',
    '-1',
    '1e5',
    '1.5E-3',
    '0.1',
    '1e400',
    '-1e400',
    '5e-324',
    '1e-400',
    '12345678901234567.0',
  ];
  const whole = [
    '9007199254740992',
    '9007199254740993',
    '-9007199254740993',
    '18446744073709551616',
    `1${'0'.repeat(40)}`,
  ];
  const texts = [
    '""',
    '"a"',
    '"\\ud83d"',
    '"\\ud83d\\ude00"',
    '"\\u0000x"',
    '"\\"\\\\\\/\\n"',
    '"é\u2028😀"',
    '"9007199254740993, "',
    '"[{"',
  ];
  const scalar = fc.constantFrom('null', 'true', 'false', ...numbers, ...whole, ...texts);
  const key = fc.constantFrom('"a"', '"a"', '"b"', '"\\u0061"', '"__proto__"', '"1"', '"ÿ.x"', '""');
  const spaced = (text: fc.Arbitrary<string>) => fc.tuple(space, text, space).map((parts) => parts.join(''));
  const list = fc.array(spaced(tie('value')), { maxLength: 3 }).map((items) => `[${items.join(',')}]`);
  const object = fc
    .array(fc.tuple(spaced(key), spaced(tie('value'))), { maxLength: 4 })
    .map((entries) => `{${entries.map((entry) => entry.join(':')).join(',')}}`);
  return {
    value: fc.oneof(
      { maxDepth: 4 },
      { weight: 12, arbitrary: scalar },
      { weight: 1, arbitrary: fc.constantFrom(...wrong) },
      { weight: 3, arbitrary: list },
      { weight: 3, arbitrary: tie('object') },
    ),
    object,
  };
});

type Known = { readonly line: number; readonly value?: unknown; readonly error?: string };

describe.skipIf(python === null)('JSON', () => {
  it('lines: the same value, or a refusal that names the line', async () => {
    const line = fc.oneof(
      { weight: 8, arbitrary: jsonText.object },
      jsonText.value,
      fc.constantFrom('', ' ', '\t'),
    );
    const body = fc.tuple(
      fc.array(line, { maxLength: 30 }),
      fc.constantFrom('\n', '\r\n'),
      fc.constantFrom('', '\uFEFF'),
    );
    let refused = 0;
    for (const [lines, end, mark] of samples(body, 100)) {
      const path = write(mark + lines.join(end), 'jsonl');
      const theirs = await ask<Known[]>('json_lines', { path });
      const found = (await ours(path)).map((event) =>
        event.refused === undefined ? { line: lineOf(event), value: event.value } : { line: lineOf(event) },
      );
      expect(found).toEqual(
        theirs.map(({ line, value, error }) =>
          error === undefined ? { line, value: known(value) } : { line },
        ),
      );
      refused += theirs.filter(({ error }) => error !== undefined).length;
    }
    expect(refused).toBeGreaterThan(40);
  });

  it('a list: the same rows, or the file is refused', async () => {
    for (const rows of samples(fc.array(jsonText.object, { maxLength: 6 }), 100)) {
      const path = write(`\uFEFF[${rows.join(' ,\n')}]\n`, 'json');
      const { value, error } = await ask<Omit<Known, 'line'>>('json_file', { path });
      const found = await ours(path);
      if (error === undefined) expect(found.map((event) => event.value)).toEqual(known(value));
      else
        expect(found).toEqual([{ at: expect.any(String), refused: expect.stringMatching(/ is not JSON: /) }]);
    }
  });

  it.each(['[', '{"a":'])(
    'that %s nests deeper than anything that is read is refused by its line',
    async (open) => {
      const close = open === '[' ? ']' : '}';
      const nested = (levels: number) => `{"x":${open.repeat(levels)}1${close.repeat(levels)}}`;
      const path = write([nested(900), nested(200_000), '{"x":1}'].join('\n'), 'jsonl');
      const theirs = await ask<Known[]>('json_lines', { path });
      expect(theirs[1]?.error).toMatch(/recursion/);
      const found = await ours(path);
      expect(found.map(({ refused }) => refused?.replace(/^\S+ /, ''))).toEqual([
        undefined,
        'line 2 is nested deeper than 1000 levels',
        undefined,
      ]);
    },
  );
});

describe.skipIf(python === null)('Parquet that pyarrow wrote', () => {
  it('of any types, codecs and layouts of pages', async () => {
    for (let i = 0; i < 80; i++) {
      const path = join(folder, `made-${i}.parquet`);
      const made = await ask<{ rows: object[] }>('make_parquet', { path, seed: SEED + i });
      const found = await ours(path);
      expect(
        found.map(({ value, refused }) => refused ?? value),
        path,
      ).toEqual(known(made.rows));
    }
  });

  it.each<[encoding: string, kind: string, values: unknown[]]>([
    ['DELTA_BINARY_PACKED', 'int64', [7, -1, 2 ** 40, 0, 3]],
    ['DELTA_LENGTH_BYTE_ARRAY', 'string', ['a', '', 'ÿ😀', 'abc']],
    ['DELTA_BYTE_ARRAY', 'string', ['ab', 'abc', 'abd', '']],
    ['BYTE_STREAM_SPLIT', 'float64', [0.1, -2.5, 1e300]],
    ['BYTE_STREAM_SPLIT', 'int32', [1, -1, 65_537]],
    ['RLE', 'bool_', [true, false, false, true]],
  ])('in the encoding %s of %s', async (encoding, kind, values) => {
    const path = join(folder, `${encoding}-${kind}.parquet`);
    const rows = await ask('encoded_parquet', { path, encoding, kind, values });
    expect((await ours(path)).map(({ value }) => value)).toEqual(rows);
    expect(rows).toEqual(values.map((x) => ({ x })));
  });
});

describe.skipIf(python === null)('what we write', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', '"', '\\', '\n', '\u2028', 'ÿ', '😀', '\uFFFD', '\u0001'),
    maxLength: 6,
  });
  const whole = fc.constantFrom(0, 1, -7, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER);
  const number = fc.constantFrom(0.5, -1e300, 5e-324, 1e21, Infinity, -Infinity);
  const message = fc.record({ role: fc.constantFrom('user', 'assistant'), content: text });
  const kinds: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
    text,
    whole,
    number: fc.oneof(whole, number),
    long: fc.oneof(whole, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    flag: fc.boolean(),
    messages: fc.array(message, { minLength: 1, maxLength: 3 }),
    // Lists that are empty are no messages.
    list: fc.array(fc.oneof(text, whole), { maxLength: 3 }),
    object: fc.record({ a: fc.oneof(whole, fc.constant(null)), 'b.c': fc.array(message, { maxLength: 2 }) }),
    mixed: fc.oneof(text, whole, fc.boolean(), fc.array(message, { maxLength: 2 })),
    'ÿ name': text,
  };
  const row = fc.record(
    Object.fromEntries(Object.entries(kinds).map(([name, value]) => [name, fc.option(value)])),
    { requiredKeys: ['text'] },
  );

  it.each(['jsonl', 'parquet'])('Python reads from .%s as it was, and so do we', async (extension) => {
    for (const rows of samples(fc.array(row, { minLength: 1, maxLength: 20 }), 60)) {
      const path = join(folder, `out-${files++}.${extension}`);
      const writer = await openRows(path);
      for (const one of rows) await writer.write(one);
      await writer.close();
      const expected = rows.map(there);
      expect((await ours(path)).map(({ value }) => there(value))).toEqual(expected);
      expect((await theirs(path, extension)).map(there)).toEqual(expected);
    }
  });

  /** Null is absent; a number is a number, however long. */
  function there(value: unknown): unknown {
    const entries = Object.entries(value as object).filter(([, part]) => part !== null);
    const exact = (part: unknown) =>
      typeof part === 'bigint' && Number.isSafeInteger(Number(part)) ? Number(part) : part;
    return Object.fromEntries(entries.map(([name, part]) => [name, exact(part)]));
  }

  async function theirs(path: string, extension: string): Promise<unknown[]> {
    if (extension === 'jsonl')
      return (await ask<Known[]>('json_lines', { path })).map(({ value }) => known(value));
    const types = await ask<Record<string, string>>('types_of', { path });
    const read = known(await ask('read_parquet', { path })) as Record<string, unknown>[];
    return read.map((one) =>
      Object.fromEntries(
        Object.entries(one).map(([name, part]) => [
          name,
          types[name]?.includes('json') && typeof part === 'string' ? JSON.parse(part) : part,
        ]),
      ),
    );
  }

  it('whole numbers are whole numbers in Parquet, too', async () => {
    const path = join(folder, 'whole.parquet');
    const writer = await openRows(path);
    await writer.write({ id: 7, score: 1 });
    await writer.write({ id: 2 ** 53 - 1, score: 0.5 });
    await writer.close();
    expect(await ask('types_of', { path })).toEqual({ id: 'int64', score: 'double' });
  });
});
