import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sourceContract } from '../source.contract.ts';
import type { Instruction, Source } from '../source.ts';
import { type DataOptions, openData } from './data.ts';

let folder: string;
let pairs: string;
let given: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'evalplanner-data-'));
  pairs = join(folder, 'pairs.csv');
  given = join(folder, 'held.jsonl');
  const rows = Array.from({ length: 200 }, (_, i) => `question ${i} of my users,good ${i},bad ${i}`);
  writeFileSync(pairs, `prompt,chosen,rejected\n${rows.join('\n')}\nquestion 7 of my users,good 7,bad 7\n`);
  writeFileSync(given, `${JSON.stringify({ prompt: 'held out', chosen: 'a', rejected: 'b' })}\n`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const open = (more: Partial<DataOptions> = {}) =>
  openData({ kind: 'pairs', from: [pairs], given: {}, skipBadRows: false, duplicates: null, ...more });

async function texts(source: Source, split: string, signal?: AbortSignal): Promise<string[]> {
  const found: Instruction[] = [];
  for await (const one of source.instructions(split, signal) ?? []) found.push(one);
  return found.map(({ text }) => text);
}

// More rows than are looked at, and another file of them.
const own = mkdtempSync(join(tmpdir(), 'evalplanner-data-contract-'));
afterAll(() => rmSync(own, { recursive: true, force: true }));
const file = (name: string, what: string) => {
  const path = join(own, name);
  const rows = Array.from({ length: 400 }, (_, i) => `{"instruction": "${what} number ${i}"}\n`);
  writeFileSync(path, rows.join(''));
  return path;
};
const contractOptions = { kind: 'general', given: {}, skipBadRows: false, duplicates: null } as const;
const opened = await openData({ ...contractOptions, from: [file('a.jsonl', 'name a bird')] });
const other = await openData({ ...contractOptions, from: [file('b.jsonl', 'name a fish')] });
sourceContract('data', {
  make: () => opened,
  splits: ['train', 'validation', 'test', 'dev'],
  others: [other],
});

describe('a source of data', () => {
  test('gives finished pairs, each instruction to one split, always the same', async () => {
    const source = await open();
    const splits = await Promise.all(
      ['train', 'validation', 'test', 'dev'].map((name) => texts(source, name)),
    );
    const all = splits.flat();
    expect(all).toHaveLength(200);
    expect(new Set(all).size).toBe(200);
    for (const split of splits) expect(split.length).toBeGreaterThan(2);
    expect((splits[0] as string[]).length).toBeGreaterThan(120);
    const again = await open();
    expect(again.revision).toBe(source.revision);
    expect(await texts(again, 'test')).toEqual(splits[2]);
    expect(source.instructions('elsewhere')).toBeNull();
  });

  test('an instruction is of one split wherever it stands, so that more rows move none', async () => {
    const more = join(folder, 'more.csv');
    writeFileSync(more, 'prompt,chosen,rejected\nanother one,x,y\n');
    const before = await texts(await open(), 'test');
    const after = await texts(await open({ from: [more, pairs] }), 'test');
    expect(after.filter((text) => text !== 'another one')).toEqual(before);
  });

  test('takes held-out rows that are given, and cuts none then', async () => {
    const source = await open({ given: { test: [given], validation: [given], dev: [given] } });
    expect(await texts(source, 'test')).toEqual(['held out']);
    expect(await texts(source, 'train')).toHaveLength(200);
    expect(source.revision).not.toBe((await open()).revision);
  });

  test('accounts for every row', async () => {
    const source = await open();
    await texts(source, 'train');
    const { read, kept, left } = source.account?.() ?? { read: 0, kept: 0, left: {} };
    expect(read).toBe(201);
    expect(kept + Object.values(left).reduce((sum, n) => sum + n, 0)).toBe(read);
    expect(left['exact duplicate']).toBe(1);
  });

  test('an abort ends it; standard input is refused; a file that is not there says so', async () => {
    const source = await open();
    await expect(texts(source, 'train', AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    await expect(open({ from: ['-'] })).rejects.toMatchObject({ code: 'usage' });
    await expect(open({ from: [join(folder, 'none.csv')] })).rejects.toMatchObject({ code: 'data' });
  });

  test('a bad row stops it, or is left out and counted', async () => {
    const bad = join(folder, 'bad.jsonl');
    writeFileSync(bad, `${JSON.stringify({ prompt: 'x', chosen: 'a', rejected: 'b' })}\n{"prompt": 7\n`);
    await expect(texts(await open({ from: [bad], given: { test: [bad] } }), 'test')).rejects.toMatchObject({
      code: 'data',
    });
    const skipping = await open({ given: { test: [bad] }, skipBadRows: true });
    expect(await texts(skipping, 'test')).toEqual(['x']);
    expect(skipping.account?.()).toMatchObject({ read: 2, left: { unreadable: 1 } });
  });
});
