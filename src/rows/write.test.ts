import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { readRows } from './read.ts';
import { openRows } from './write.ts';

let folder: string;
const made: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'write-'));
  made.push(folder);
});
afterAll(() => {
  for (const each of made) rmSync(each, { recursive: true });
});

async function values(path: string): Promise<unknown[]> {
  const out: unknown[] = [];
  for await (const { value } of readRows(path)) out.push(value);
  return out;
}

/** The rows as both forms give them back, without what is absent. */
async function back(rows: readonly object[]) {
  const found: unknown[][] = [];
  for (const name of ['x.jsonl', 'x.parquet']) {
    const writer = await openRows(join(folder, name));
    for (const row of rows) await writer.write(row);
    await writer.close();
    const there = (value: unknown) =>
      Object.fromEntries(Object.entries(value as object).filter(([, part]) => part !== null));
    found.push((await values(join(folder, name))).map(there));
  }
  expect(readdirSync(folder).sort()).toEqual(['x.jsonl', 'x.parquet']);
  return found;
}

const many = (last: object) => [...Array.from({ length: 1050 }, (_, i) => ({ id: i, text: `t${i}` })), last];

describe('both forms hold the same rows', () => {
  it.each<[string, object[]]>([
    ['a field that first occurs late', many({ id: 1050, text: 'x', late: 'a field of one row' })],
    ['a column of numbers that a text ends', many({ id: 'late', text: 'x' })],
    ['a column of texts that a number ends', many({ id: 1050, text: 5 })],
    ['messages late', many({ id: 1050, text: [{ role: 'user', content: 'x' }] })],
    ['messages', [{ m: [{ role: 'user', content: 'x' }] }, { m: [{ role: 'user', content: 'ÿ' }] }]],
    ['64-bit ids', [{ id: 9007199254740993n }, { id: 9007199254740992n }, { id: -1 }]],
    [
      'objects, flags, fractions',
      [
        { o: { a: [1, 'x'] }, f: true, n: 0.5 },
        { o: {}, f: false, n: 2 },
      ],
    ],
  ])('%s', async (_, rows) => {
    const [lines, parquet] = await back(rows);
    expect(lines).toEqual(rows);
    expect(parquet).toEqual(rows);
  });

  it('or an error names the row that does not fit', async () => {
    const writer = await openRows(join(folder, 'x.parquet'));
    for (const row of [{ id: 1 }, { id: 9007199254740993n }, { id: 'text' }]) await writer.write(row);
    await expect(writer.close()).rejects.toMatchObject({
      code: 'data',
      message: expect.stringContaining('row 2 has a whole number beyond 2^53 in id'),
    });
    await writer.discard();
    expect(readdirSync(folder)).toEqual([]);
  });
});

it('whole numbers of JSON lines stay exact, digit by digit, and texts stay texts', async () => {
  const lines = '{"id":9007199254740993,"t":"9007199254740993, ","n":[-12345678901234567890],"f":1e+21}\n';
  const [source, copy] = [join(folder, 'in.jsonl'), join(folder, 'out.jsonl')];
  writeFileSync(source, lines);
  const writer = await openRows(copy);
  for await (const { value } of readRows(source)) {
    expect(value).toEqual({
      id: 9007199254740993n,
      t: '9007199254740993, ',
      n: [-12345678901234567890n],
      f: 1e21,
    });
    await writer.write(value as object);
  }
  await writer.close();
  expect(readFileSync(copy, 'utf8')).toBe(lines);
});

it('half a surrogate pair and NUL are U+FFFD from the reader on; whole pairs are themselves', async () => {
  const source = join(folder, 'in.jsonl');
  writeFileSync(source, '{"a":"x\\ud83d","b":["\\u0000y",{"c":"\\ud83d\\ude00"}]}\n');
  expect(await values(source)).toEqual([{ a: 'x\uFFFD', b: ['\uFFFDy', { c: '😀' }] }]);
});
