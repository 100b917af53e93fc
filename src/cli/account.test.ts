import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { parquetWriteFile } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openData } from '../source/data.ts';
import { run } from './run.contract.ts';

/** Of random files with damaged and unfit rows every command says of each row what became of it; the rows of a file are counted
 * here by what they were made of. */

let folder: string;
let url: string;
const server = createServer(async (request, response) => {
  await request.toArray();
  const choices = [{ index: 0, message: { role: 'assistant', content: '[[A]]' }, finish_reason: 'stop' }];
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ choices }));
});
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'account-'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

/** What becomes of a line: it is kept; it is well-formed and no pair; it cannot be read; it can, and is no row of this kind; it is
 * no row at all. */
type Fate = 'kept' | 'no pair' | 'copy' | 'unreadable' | 'unfit' | 'none';
interface Made {
  readonly fate: Fate;
  readonly bytes: Buffer;
}

const turns = (asked: string, said: string) => [
  { role: 'user', content: asked },
  { role: 'assistant', content: said },
];
const FAMILIES = ['plain', 'constructor', '__proto__', 'ÿ'];
const LINES: Readonly<Record<Fate, readonly ((n: number) => string | Buffer | object)[]>> = {
  kept: [
    (n) => ({ prompt: `Question ${n}?`, chosen: `good ${n}`, rejected: `bad ${n}`, family: FAMILIES[n % 4] }),
    (n) => ({ id: 2 ** 53, chosen: turns(`Which ${n}?`, 'good'), rejected: turns(`Which ${n}?`, 'bad') }),
  ],
  copy: [() => ({ prompt: 'The same again.', chosen: 'good', rejected: 'bad' })],
  'no pair': [(n) => ({ chosen: turns(`This ${n}?`, 'yes'), rejected: turns(`That ${n}?`, 'no') })],
  unreadable: [
    () => '{"prompt": "cut',
    () => Buffer.from([0x7b, 0xff, 0x7d]),
    () => '['.repeat(3000) + ']'.repeat(3000),
  ],
  unfit: [
    () => '[1]',
    () => 'null',
    () => ({ chosen: 'no question', rejected: 'of it' }),
    () => ({ prompt: 'no rejected one', chosen: 'good' }),
    () => ({ prompt: 7, chosen: 'good', rejected: 'bad' }),
  ],
  none: [() => '', () => ' \t'],
};

const line = fc
  .record({
    fate: fc.constantFrom<Fate>('kept', 'kept', 'kept', 'copy', 'no pair', 'unreadable', 'unfit', 'none'),
    kind: fc.nat(),
  })
  .map(({ fate, kind }) => (n: number): Made => {
    const kinds = LINES[fate];
    const made = kinds[kind % kinds.length]?.(n) ?? '';
    const bytes = Buffer.isBuffer(made)
      ? made
      : Buffer.from(typeof made === 'string' ? made : JSON.stringify(made));
    return { fate, bytes };
  });
const FILES = fc.sample(fc.array(line, { minLength: 1, maxLength: 30 }), { seed: 7, numRuns: 6 });

function write(lines: readonly ((n: number) => Made)[], name: string) {
  const made = lines.map((one, n) => one(n));
  const path = join(folder, name);
  writeFileSync(path, Buffer.concat(made.flatMap(({ bytes }) => [bytes, Buffer.from('\n')])));
  const count = (...fates: Fate[]) => made.filter(({ fate }) => fates.includes(fate)).length;
  const bad = made.findIndex(({ fate }) => fate === 'unreadable' || fate === 'unfit');
  return { path, count, read: made.length - count('none'), bad: bad < 0 ? null : bad + 1 };
}

const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0);
const left = (err: string) => err.match(/^left out: .*$/gm)?.length ?? 0;

describe.each(FILES.map((lines, i) => [i, lines] as const))('file %i', (i, lines) => {
  const copies = (n: number) => Math.max(0, n - 1);

  test('pairs', async () => {
    const { path, count, read, bad } = write(lines, `pairs-${i}.jsonl`);
    const out = join(folder, `pairs-${i}.out.jsonl`);
    const args = ['pairs', path, '--json', '--near-duplicates', 'off', '--out', out];
    const skipped = await run(...args, '--on-error', 'skip');
    const kept = count('kept') + Math.min(1, count('copy'));
    if (kept === 0)
      expect(skipped).toMatchObject({
        code: 2,
        err: expect.stringMatching(/no row gave a pair|holds no rows/),
      });
    else {
      const { rows, instructions, pairs } = JSON.parse(skipped.out);
      expect(rows).toMatchObject({ read, kept });
      expect(rows.read).toBe(rows.kept + sum(rows.left));
      expect(rows.left.unreadable ?? 0).toBe(count('unreadable'));
      expect(rows.left['not an instruction'] ?? 0).toBe(count('unfit'));
      expect(sum(rows.left)).toBe(count('unreadable', 'unfit', 'no pair') + copies(count('copy')));
      expect(instructions).toEqual({ read: kept, kept, left: {} });
      expect(pairs).toBe(kept);
      expect(left(skipped.err)).toBe(count('unreadable', 'unfit'));
      rmSync(out);
    }
    stops(await run(...args), path, bad, kept > 0);
    if (bad !== null)
      expect(readdirSync(folder).filter((name) => name.startsWith(`pairs-${i}.out`))).toEqual([]);
  });

  test('audit', async () => {
    const { path, count, read, bad } = write(lines, `audit-${i}.jsonl`);
    const skipped = await run('audit', path, '--json', '--on-error', 'skip');
    const kept = count('kept', 'copy');
    if (kept === 0) expect(skipped.code).toBe(2);
    else {
      const { rows, bad: leftOut } = JSON.parse(skipped.out);
      expect(rows.rows + leftOut).toBe(read);
      expect(rows.rows).toBe(kept);
      expect(left(skipped.err)).toBe(leftOut);
      for (const shares of [rows.kinds, rows.groups]) expect(sum(shares)).toBe(kept);
    }
    stops(await run('audit', path, '--json'), path, bad, kept > 0);
  });

  test('judge FILE', async () => {
    const { path, count, read, bad } = write(lines, `judge-${i}.jsonl`);
    const args = ['judge', path, '--model', 'm', '--base-url', url, '--json'];
    const skipped = await run(...args, '--on-error', 'skip');
    const kept = count('kept', 'copy');
    const told = skipped.out
      .split('\n')
      .filter(Boolean)
      .map((text) => JSON.parse(text));
    expect(told).toHaveLength(read);
    expect(told.filter(({ at }) => at !== undefined)).toHaveLength(kept);
    expect(left(skipped.err)).toBe(read - kept);
    expect(skipped.code).toBe(kept === 0 ? 2 : 0);
    stops(await run(...args), path, bad, kept > 0);
  });

  test('export, which leaves nothing out', async () => {
    const { path, count, bad } = write(lines, `export-${i}.jsonl`);
    const out = join(folder, `export-${i}`);
    const { code, out: text } = await run('export', path, '--format', 'trl', '--out', out, '--json');
    const whole = bad === null && count('no pair') === 0 && count('kept', 'copy') > 0;
    expect(code).toBe(whole ? 0 : 2);
    if (whole) expect(JSON.parse(text).files[0].rows).toBe(count('kept', 'copy'));
    else expect(existsSync(join(out, `export-${i}.jsonl`))).toBe(false);
  });

  test("a run's source, of whichever splits", async () => {
    const { path, count, read, bad } = write(lines, `source-${i}.jsonl`);
    const open = (skipBadRows: boolean) =>
      openData({ kind: 'pairs', from: [path], given: {}, skipBadRows, duplicates: null });
    const take = async (skipBadRows: boolean, split: string) => {
      const source = await open(skipBadRows);
      const taken = [];
      for await (const one of source.instructions(split) ?? []) taken.push(one);
      const account = source.account?.() ?? expect.unreachable();
      expect(account.read).toBe(account.kept + sum(account.left));
      expect(account.kept).toBe(taken.length);
      return { taken: taken.length, read: account.read, left: account.left };
    };
    const splits = [];
    for (const split of ['train', 'validation', 'test', 'dev']) splits.push(await take(true, split));
    for (const split of splits) expect(split.read).toBe(read);
    expect(splits.reduce((all, { taken }) => all + taken, 0)).toBe(
      count('kept') + Math.min(1, count('copy')),
    );
    if (bad === null) expect((await take(false, 'train')).taken).toBe(splits[0]?.taken);
    else await expect(take(false, 'train')).rejects.toThrow(`line ${bad} `);
  });
});

test('a row group that is damaged counts as all of its rows', async () => {
  const path = join(folder, 'damaged.parquet');
  const made = (what: string) => Array.from({ length: 300 }, (_, i) => `${what} ${Math.sin(i)}`);
  await parquetWriteFile({
    filename: path,
    rowGroupSize: 100,
    columnData: [
      { name: 'prompt', data: made('Question'), type: 'STRING' },
      { name: 'chosen', data: made('good'), type: 'STRING' },
      { name: 'rejected', data: made('bad'), type: 'STRING' },
    ],
  });
  const bytes = readFileSync(path);
  writeFileSync(path, bytes.fill(0xff, bytes.length / 2, bytes.length / 2 + 50));
  const skip = [path, '--on-error', 'skip', '--json'];
  const out = ['--near-duplicates', 'off', '--out', join(folder, 'damaged.jsonl')];
  expect(JSON.parse((await run('pairs', ...skip, ...out)).out).rows).toMatchObject({
    read: 300,
    kept: 200,
    left: { unreadable: 100 },
  });
  expect(JSON.parse((await run('audit', ...skip)).out)).toMatchObject({ bad: 100, rows: { rows: 200 } });
  const judged = await run('judge', path, '--on-error', 'skip', '--model', 'm', '--base-url', url);
  expect(judged.out).toMatch(/rows left out +100\n/);
  const source = await openData({
    kind: 'pairs',
    from: [path],
    given: {},
    skipBadRows: true,
    duplicates: null,
  });
  for await (const _ of source.instructions('train') ?? []);
  expect(source.account?.()).toMatchObject({ read: 300, left: { unreadable: 100 } });
});

/** By default the first bad row ends the command, and is named. */
function stops(
  { code, err }: Awaited<ReturnType<typeof run>>,
  path: string,
  bad: number | null,
  any: boolean,
) {
  if (bad === null) return expect(code).toBe(any ? 0 : 2);
  expect(code).toBe(2);
  expect(err).toContain(`error: ${path.split('/').at(-1)}, line ${bad} `);
}
