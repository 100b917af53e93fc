import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fillLedger } from '../../report/run/filled-ledger.contract.ts';
import { readRows } from '../../rows/read.ts';
import { openStore } from '../../store/ledger.ts';
import { run } from '../run.contract.ts';
import type { AuditReport } from './text.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'audit-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const write = (name: string, rows: readonly unknown[]) => {
  writeFileSync(
    join(folder, name),
    rows.map((row) => `${typeof row === 'string' ? row : JSON.stringify(row)}\n`).join(''),
  );
  return join(folder, name);
};

const audit = (...args: string[]) => run('audit', ...args);

const QUESTION = 'Explain in a few short sentences why the sky looks blue at noon and red in the evening.';
const pair = (instruction: string) => ({ instruction, chosen: 'a long answer', rejected: 'no' });

/** One run, which has only judged. */
const folderOfRuns = () => {
  const runs = join(folder, 'runs');
  openStore(join(runs, 'judged', 'run.db'), { config: {} }).close();
  return runs;
};

const benchmark = () => {
  const own = join(folder, 'benchmarks', 'LLMBar');
  mkdirSync(own, { recursive: true });
  const row = { input: QUESTION, output_1: 'x', output_2: 'y', label: 1 };
  writeFileSync(join(own, 'Natural.jsonl'), `${JSON.stringify(row)}\n`);
  return ['--benchmarks', join(folder, 'benchmarks')];
};

describe('audit of files', () => {
  test('rows that repeat a benchmark are told, written down and left out of the clean copy', async () => {
    const source = write('pairs.jsonl', [
      pair(QUESTION),
      pair(`${QUESTION} Then in verse.`),
      pair('Name a bird.'),
    ]);
    const [clean, hits] = [join(folder, 'clean.jsonl'), join(folder, 'hits.jsonl')];
    const args = [...benchmark(), '--drop', clean, '--hits', hits];
    const { code, out } = await audit(source, ...args, '--json', '--licence', 'MIT');
    expect(code).toBe(0);
    const report = JSON.parse(out) as AuditReport;
    expect(report.rows.contamination).toMatchObject({
      checked: 3,
      rows: 2,
      benchmarks: { llmbar: { prompts: 1, exact: 1, ngram: 1 } },
    });
    const sha256 = createHash('sha256').update(readFileSync(source)).digest('hex');
    expect(report.manifest).toMatchObject({ licence: 'MIT', files: [{ path: source, sha256 }] });
    expect(readFileSync(clean, 'utf8')).toBe(`${JSON.stringify(pair('Name a bird.'))}\n`);
    expect(
      readFileSync(hits, 'utf8')
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { at: string }).at),
    ).toEqual(['pairs.jsonl, line 1', 'pairs.jsonl, line 2']);
    expect((await audit(source, ...args.slice(0, 2), '--fail-over', '0.5')).code).toBe(1);
    expect((await audit(source, ...args.slice(0, 2), '--fail-over', '0.7')).code).toBe(0);
  });

  test.each(['clean.jsonl', 'clean.parquet'])(
    '%s holds every row as it was: fields that come late, 64-bit ids',
    async (name) => {
      const rows = Array.from({ length: 1100 }, (_, i) => ({ ...pair(`Name ${i} birds.`), id: i }));
      const source = write('late.jsonl', [
        ...rows,
        `{"instruction":"Q1","input":"one","chosen":"x","rejected":"","id":9007199254740993,"note":"late"}`,
        `{"instruction":"Q1","input":"two","chosen":"x","rejected":"y","id":9007199254740992}`,
      ]);
      const out = join(folder, name);
      expect((await audit(source, ...benchmark(), '--drop', out)).code).toBe(0);
      const found: Record<string, unknown>[] = [];
      for await (const { value } of readRows(out)) found.push(value as Record<string, unknown>);
      expect(found).toHaveLength(1102);
      expect(found.slice(-2).map(({ id, note }) => [String(id), note ?? null])).toEqual([
        ['9007199254740993', 'late'],
        ['9007199254740992', null],
      ]);
    },
  );

  test('conversations that part before the last answer are left out by name, and counted', async () => {
    const turns = (asked: string, said: string) => [
      { role: 'user', content: asked },
      { role: 'assistant', content: said },
    ];
    const source = write('forks.jsonl', [
      { chosen: turns('Two rivers?', 'Rhine, Elbe'), rejected: turns('Two rivers?', 'Rhine') },
      { chosen: turns('Legs of an ant?', 'Six.'), rejected: turns('Legs of a crab?', 'Ten.') },
    ]);
    const { code, out, err } = await audit(source, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ bad: 1, rows: { rows: 1, kinds: { 'preference pair': 1 } } });
    expect(err).toContain('left out: forks.jsonl, line 2 has chosen and rejected conversations that part');
  });

  test('bad rows and wrong arguments', async () => {
    const source = write('bad.jsonl', [pair('Name a bird.'), '{', { x: 1 }]);
    const drop = join(folder, 'never.jsonl');
    expect(await audit(source, ...benchmark(), '--drop', drop)).toMatchObject({
      code: 2,
      err: expect.stringContaining('bad.jsonl, line 2 is not JSON'),
    });
    expect(existsSync(drop)).toBe(false);
    const { code, out, err } = await audit(source, '--on-error', 'skip');
    expect(code).toBe(0);
    expect(err).toContain('bad.jsonl, line 3');
    expect(out).toMatch(/left out +2/);
    const nowhere = join(source, 'x.jsonl');
    const outputs = [...benchmark(), '--drop', drop, '--hits', nowhere];
    const failed = await audit(source, ...outputs, '--on-error', 'skip');
    expect(failed).toMatchObject({ code: 3, err: expect.not.stringContaining('bug') });
    expect(existsSync(`${drop}.draft`)).toBe(false);
    for (const [args, message] of [
      [[source, ...benchmark(), '--drop', source], 'would overwrite a source'],
      [[], 'there is nothing to audit'],
      [[source, '--fail-over', '0'], '--fail-over needs benchmarks'],
      [[source, '--drop', drop], '--drop needs benchmarks'],
      [[source, '--hits', drop], '--hits needs benchmarks'],
      [[source, '--benchmarks', source], 'is no folder'],
      [[source, '--benchmarks', folder], 'holds no benchmark'],
      [[write('none.jsonl', [])], 'holds no rows'],
      [[source, ...benchmark(), '--drop', drop, '--hits', `${folder}/./never.jsonl`], 'name one file'],
      [[folderOfRuns()], 'is a folder of runs'],
      [[join(folderOfRuns(), 'judged')], 'holds no training data'],
    ] as const) {
      const failed = await audit(...args);
      expect(failed.code).toBe(2);
      expect(failed.err).toContain(message);
    }
  });
});

describe('audit of a run', () => {
  test('its rows and its trained sets are those that its ledger names', async () => {
    const own = join(folder, 'own');
    {
      using store = openStore(join(own, 'run.db'), { config: {} });
      fillLedger(store);
    }
    mkdirSync(join(own, 'data'));
    const preference = { prompt: 'p', chosen: '… [[A]]', rejected: '… [[B]]' };
    write('own/data/sft-1.jsonl', [{ prompt: 'p', completion: '… [[A]]' }]);
    write('own/data/dpo-2.jsonl', [preference, preference]);
    write('own/data/direct.jsonl', [{ prompt: 'q', completion: '[[B]]' }]);
    // Of a plan that is no more.
    write('own/data/dpo-3.jsonl', [preference]);
    const { code, out } = await audit(own, '--json');
    expect(code).toBe(0);
    const report = JSON.parse(out) as AuditReport;
    expect(report.rows.kinds).toEqual({ 'SFT row': 2, 'preference pair': 2 });
    expect(report.manifest.files.map(({ path }) => path.slice(own.length))).toEqual([
      '/data/sft-1.jsonl',
      '/data/dpo-2.jsonl',
      '/data/direct.jsonl',
    ]);
    expect(report.run).toMatchObject({ leaked: 0, contamination: { checked: 9 } });
    expect(Object.keys(report.run?.judges ?? {}).sort()).toEqual([
      'M0',
      'M1-SFT',
      'careful',
      'direct',
      'unplanned',
    ]);
    expect((await audit(own)).out).toContain('careful judged');
  });
});
