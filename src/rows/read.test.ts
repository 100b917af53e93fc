import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { parquetWriteFile } from 'hyparquet-writer';
import { afterAll, describe, expect, it } from 'vitest';
import type { EvalPlannerError } from '../errors.ts';
import { lines } from './lines.ts';
import { readRows } from './read.ts';
import type { ReadOptions } from './row.ts';

const folder = mkdtempSync(join(tmpdir(), 'rows-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const out: T[] = [];
  for await (const item of items) out.push(item);
  return out;
}

const write = (name: string, content: string | Uint8Array) => {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
};
const read = async (path: string, options?: ReadOptions) => await all(readRows(path, options));
const values = async (path: string) => (await read(path)).map(({ value }) => value);

const ROWS = [
  { id: 1, text: 'a, "b"\nc', list: ['x', 'ÿ🌍'] },
  { id: 2, text: 'é', list: [] },
];
const JSONL = ROWS.map((row) => `${JSON.stringify(row)}\n`).join('');

describe('readRows', () => {
  it.each<[string, () => string]>([
    ['JSON lines', () => write('a.jsonl', JSONL)],
    [
      'with a BOM, CRLF, blank lines and no last line end',
      () => write('b.jsonl', `\uFEFF${JSONL.replaceAll('}\n', '}\r\n\r\n').trim()}`),
    ],
    ['gzip', () => write('a.jsonl.gz', gzipSync(JSONL))],
    ['zstd', () => write('a.jsonl.zst', zstdCompressSync(JSONL))],
    [
      'zstd of several frames',
      () =>
        write(
          'frames.jsonl.zst',
          Buffer.concat(ROWS.map((row) => zstdCompressSync(`${JSON.stringify(row)}\n`))),
        ),
    ],
    [
      'gzip of several members',
      () => write('members.jsonl.gz', Buffer.concat(ROWS.map((row) => gzipSync(`${JSON.stringify(row)}\n`)))),
    ],
    ['JSON', () => write('a.json', JSON.stringify(ROWS, null, 2))],
    ['JSON in gzip', () => write('a.json.gz', gzipSync(JSON.stringify(ROWS)))],
  ])('%s', async (_, make) => expect(await values(make())).toEqual(ROWS));

  it('says where each row stands', async () => {
    expect(await read(write('where.jsonl', '{"a":1}\n\n{"a":2}\n'))).toEqual([
      { value: { a: 1 }, file: 'where', at: 'where.jsonl, line 1' },
      { value: { a: 2 }, file: 'where', at: 'where.jsonl, line 3' },
    ]);
  });

  it('CSV and TSV with quotes, line ends in a field, empty fields as absent', async () => {
    const csv = 'id,text\n1,"a, ""b""\nc"\n2,\n';
    const expected = [
      { id: '1', text: 'a, "b"\nc' },
      { id: '2', text: null },
    ];
    expect(await values(write('c.csv', csv))).toEqual(expected);
    expect(await values(write('c.csv.gz', gzipSync(csv)))).toEqual(expected);
    expect(await values(write('c.tsv', 'id\ttext\n1\tx, y\n'))).toEqual([{ id: '1', text: 'x, y' }]);
  });

  it('Parquet, over several row groups', async () => {
    const path = join(folder, 'd.parquet');
    const n = 250;
    const numbers = Array.from({ length: n }, (_, i) => i);
    await parquetWriteFile({
      filename: path,
      rowGroupSize: 100,
      columnData: [
        { name: 'id', data: numbers.map(BigInt), type: 'INT64' },
        { name: 'text', data: numbers.map((i) => `text ${i} ÿ`), type: 'STRING' },
      ],
    });
    const rows = await read(path);
    expect(rows.map(({ value }) => value)).toEqual(numbers.map((i) => ({ id: i, text: `text ${i} ÿ` })));
    expect(rows.at(-1)?.at).toBe('d.parquet, row 250');
    truncateSync(path, 500);
    await expect(read(path)).rejects.toMatchObject({
      code: 'data',
      message: expect.stringMatching(/^d\.parquet is damaged/),
    });
  });

  it('64-bit ids of Parquet are exact, and NaN is absent', async () => {
    const path = join(folder, 'ids.parquet');
    await parquetWriteFile({
      filename: path,
      columnData: [
        { name: 'id', data: [9007199254740993n, 9007199254740992n, 7n], type: 'INT64' },
        { name: 'float', data: [1, Number.NaN, 0.5], type: 'DOUBLE' },
        { name: 'text', data: ['a\0', '\uFFFD', ''], type: 'STRING' },
      ],
    });
    expect(await values(path)).toEqual([
      { id: 9007199254740993n, float: 1, text: 'a\uFFFD' },
      { id: 9007199254740992n, float: null, text: '\uFFFD' },
      { id: 7, float: 0.5, text: '' },
    ]);
  });

  it.each<[string, string | Uint8Array, RegExp]>([
    ['bad.jsonl', '{"a":1}\n{"a":\n', /^bad\.jsonl, line 2 is not JSON$/],
    [
      'utf8.jsonl',
      Buffer.concat([Buffer.from('{"a":1}\n{"a":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}\n')]),
      /^utf8\.jsonl, line 2 is not UTF-8$/,
    ],
    ['bad.json', '[{"a":1},', /^bad\.json is not JSON/],
    ['object.json', '{"a":1}', /^object\.json is not a list of rows$/],
    [
      'bad.csv',
      'a,b\n1,2\n1,2,3\n',
      /^bad\.csv, row 2 \(line 3\) has not as many columns as the header: 3, not 2$/,
    ],
    ['open.csv', 'a,b\n1,"2\n', /^open\.csv, row 1 \(line 2\) opens a quote that nothing closes$/],
    ['wide.jsonl', Buffer.from('{"a":1}', 'utf16le'), /^wide\.jsonl is UTF-16 or UTF-32, not UTF-8$/],
    [
      'wide.csv',
      Buffer.from('\uFEFFa,b\n1,2\n', 'utf16le').swap16(),
      /^wide\.csv is UTF-16 or UTF-32, not UTF-8$/,
    ],
    [
      'deep.jsonl',
      `{"a":1}\n${'['.repeat(5000)}${']'.repeat(5000)}`,
      /^deep\.jsonl, line 2 is nested deeper than 1000 levels$/,
    ],
    ['latin.csv', Buffer.from('a\n1\nmaté\n', 'latin1'), /^latin\.csv, row 2 \(line 3\) is not UTF-8$/],
    ['cut.jsonl.gz', gzipSync(JSONL.repeat(100)).subarray(0, 60), /^cut\.jsonl\.gz is damaged/],
    ['not.jsonl.gz', 'plain text', /^not\.jsonl\.gz is damaged/],
    ['not.jsonl.zst', 'plain text', /^not\.jsonl\.zst is damaged/],
    ['not.parquet', 'plain text', /^not\.parquet is damaged/],
    ['empty.parquet', '', /^empty\.parquet is damaged/],
    ['x.txt', 'a', /^x\.txt is no data file that can be read$/],
    ['utf8.json', Buffer.from('[{"a":"\xff"}]', 'latin1'), /^utf8\.json is not UTF-8$/],
    ['twice.csv', 'a,b,a\n1,2,3\n', /^twice\.csv is damaged: its header names the column a twice$/],
  ])('%s: one clear error', async (name, content, message) => {
    await expect(read(write(name, content))).rejects.toThrow(message);
  });

  it('names a missing file and a folder', async () => {
    await expect(read(join(folder, 'none.jsonl'))).rejects.toThrow(/cannot read .*none\.jsonl/);
    await expect(read(folder)).rejects.toThrow(/is a folder/);
  });

  it('leaves bad rows out where it is told to, and hands over each of them', async () => {
    const bad: EvalPlannerError[] = [];
    const options: ReadOptions = { onError: 'skip', onBadRow: (error) => bad.push(error) };
    const path = write('some.jsonl', '{"a":1}\nnope\n{"a":2}\n{"a":\n{"a":3}');
    expect((await read(path, options)).map(({ value }) => value)).toEqual([{ a: 1 }, { a: 2 }, { a: 3 }]);
    expect(bad.map(({ message }) => message)).toEqual([
      'some.jsonl, line 2 is not JSON',
      'some.jsonl, line 4 is not JSON',
    ]);
    bad.length = 0;
    const csv = write('some.csv', 'a,b\n1,2\n1\n3,4\n');
    expect((await read(csv, options)).map(({ value }) => value)).toEqual([
      { a: '1', b: '2' },
      { a: '3', b: '4' },
    ]);
    expect(bad).toHaveLength(1);
  });
});

describe('with --on-error skip a damaged file', () => {
  const ONE_GROUP = 100;
  const parquet = async (name: string) => {
    const path = join(folder, name);
    const numbers = Array.from({ length: 5 * ONE_GROUP }, (_, i) => i);
    await parquetWriteFile({
      filename: path,
      rowGroupSize: ONE_GROUP,
      columnData: [{ name: 'text', data: numbers.map((i) => `text ${Math.sin(i)}`), type: 'STRING' }],
    });
    return readFileSync(path);
  };
  const lines = (n: number) => Array.from({ length: n }, (_, i) => `{"a":${Math.sin(i)}}\n`).join('');
  const compressed = gzipSync(lines(5000));
  const whole = zstdCompressSync(lines(10));

  it.each<[string, () => Promise<Uint8Array> | Uint8Array, rows: number | null, RegExp]>([
    [
      'half.jsonl.gz',
      () => compressed.subarray(0, compressed.length / 2),
      null,
      /^half\.jsonl\.gz is damaged behind line \d+: /,
    ],
    [
      'behind.jsonl.gz',
      () => Buffer.concat([gzipSync(lines(10)), Buffer.from('junk')]),
      null,
      /^behind\.jsonl\.gz is damaged/,
    ],
    [
      'half.jsonl.zst',
      () => Buffer.concat([whole, whole.subarray(0, -9)]),
      null,
      /^half\.jsonl\.zst is damaged/,
    ],
    ['half.json', () => Buffer.from('[{"a":1},{"a":'), 0, /^half\.json is not JSON/],
    ['half.parquet', async () => (await parquet('p1')).subarray(0, 4000), 0, /^half\.parquet is damaged: /],
    [
      'middle.parquet',
      async () => {
        const bytes = await parquet('p2');
        return bytes.fill(0xff, bytes.length / 2, bytes.length / 2 + 50);
      },
      4 * ONE_GROUP,
      /^middle\.parquet, rows 201 to 300 are damaged: /,
    ],
  ])(
    '%s: gives the rows that are whole, and is reported once, with its place',
    async (name, make, rows, message) => {
      const path = write(name, await make());
      const bad: EvalPlannerError[] = [];
      const found = await read(path, { onError: 'skip', onBadRow: (error) => bad.push(error) });
      expect(bad.map((error) => error.message)).toEqual([expect.stringMatching(message)]);
      if (rows !== null) expect(found).toHaveLength(rows);
      await expect(read(path)).rejects.toThrow(message);
    },
  );

  it('still ends where it is missing, or of a kind that is not read', async () => {
    const options: ReadOptions = { onError: 'skip' };
    await expect(read(join(folder, 'none.jsonl'), options)).rejects.toThrow(/cannot read/);
    await expect(read(write('y.txt', 'a'), options)).rejects.toThrow(/no data file/);
  });
});

describe('lines', () => {
  it('are the same however the bytes are cut into chunks', async () => {
    const text = fc.array(
      fc.string({ unit: 'grapheme' }).map((line) => line.replaceAll(/[\r\n]/g, '')),
      { minLength: 1 },
    );
    await fc.assert(
      fc.asyncProperty(text, fc.integer({ min: 1, max: 7 }), async (expected, size) => {
        const bytes = Buffer.from(`${expected.join('\n')}\n`);
        const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
          bytes.subarray(i * size, (i + 1) * size),
        );
        const found = await all(lines(Readable.from(chunks)));
        // A first empty line still counts; an empty file has none.
        expect(found.map((line) => line.text)).toEqual(expected);
      }),
    );
  });

  it('drops a line that is too long, and goes on behind it', async () => {
    const chunks = [Buffer.from('ab\nxxxx'), Buffer.from('xxxx'), Buffer.from('x\ncd\n')];
    const found = await all(lines(Readable.from(chunks), '\n', 5));
    expect(found).toEqual([
      { number: 1, text: 'ab', end: '\n' },
      { number: 2, text: '', end: '\n', fault: 'too long' },
      { number: 3, text: 'cd', end: '\n' },
    ]);
  });
});
