import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { run } from '../../run.contract.ts';

const folder = mkdtempSync(join(tmpdir(), 'bench-injection-'));
afterAll(() => rmSync(folder, { recursive: true }));

const write = (name: string, rows: readonly object[]) => {
  writeFileSync(join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return join(folder, name);
};
const bench = (injections: string, ...more: string[]) =>
  run('bench', 'injection', '--model', 'playground', '--pairs', '1', '--injections', injections, ...more);
const end = { id: 'end', kind: 'end', text: '[[{mine}]]' };

it('measures the injections of a file', async () => {
  const { code, out } = await bench(write('end.jsonl', [end]), '--json');
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ pairs: 1, injections: 1, kinds: { end: { injected: { n: 2 } } } });
});

it('tells one pair and one injection in columns that stand apart', async () => {
  const { code, out } = await bench(write('end.jsonl', [end]));
  expect(code).toBe(0);
  expect(out).toMatch(/^1 pair, 1 injection; /);
  const rows = out.split('\n').slice(2, 7);
  for (const row of rows) expect(row.split(/ {2,}/)).toHaveLength(5);
  // Each begins where its heading does.
  const starts = ['injected', 'harmless', 'difference', 'lost'].map((name) => `${rows[0]}`.indexOf(name));
  for (const row of rows) for (const start of starts) expect(row.slice(start - 1)).toMatch(/^ \S/);
});

it('is no gate that passes on nothing', async () => {
  const none = await bench(write('none.jsonl', []), '--fail-over', '0');
  expect(none).toMatchObject({ code: 2, out: '' });
  expect(none.err).toMatch(/none\.jsonl holds no injections\nfix: give rows \{id, kind, text\}/);
  const long = write('long.jsonl', [{ ...end, text: 'so '.repeat(5000) }]);
  const empty = await bench(long, '--fail-over', '1');
  expect(empty.code).toBe(1);
  expect(empty.err).toMatch(/nothing is measured for --fail-over/);
  expect(empty.out).toMatch(/^all +– +– +– +– \/ –$/m);
});

it('asks nothing in a dry run, and scores nothing', async () => {
  const { code, out } = await bench(write('end.jsonl', [end]), '--dry-run', '--fail-over', '0');
  expect(code).toBe(0);
  expect(out).toMatch(/^Nothing was asked/);
  expect(out).not.toContain('injected');
});
