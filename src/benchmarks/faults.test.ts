import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { main } from '../cli/main.ts';
import { CHOICE_BENCHMARKS } from './choice-names.ts';
import { BENCHMARKS } from './names.ts';

type Row = Record<string, unknown>;

/** Of every benchmark a row of its published schema, what its file is called, and the fields without which it is no row. */
const SCHEMAS: Readonly<
  Record<string, { row: (i: number) => Row; file?: string; needs: readonly string[] }>
> = {
  rewardbench: {
    row: (id) => ({ id, subset: 'hep-go', prompt: `p${id}`, chosen: `c${id}`, rejected: `r${id}` }),
    needs: ['id', 'subset', 'prompt', 'chosen', 'rejected'],
  },
  'rm-bench': {
    row: (id) => ({ id, prompt: `p${id}`, chosen: ['a', 'b', 'c'], rejected: ['d', 'e', 'f'] }),
    file: 'chat_filtered',
    needs: ['id', 'prompt', 'chosen', 'rejected'],
  },
  judgebench: {
    row: (i) => ({
      pair_id: `p${i}`,
      source: 'livebench-math',
      question: `q${i}`,
      response_A: `a${i}`,
      response_B: `b${i}`,
      label: 'A>B',
    }),
    needs: ['pair_id', 'source', 'question', 'response_A', 'response_B', 'label'],
  },
  llmbar: {
    row: (id) => ({ id, input: `i${id}`, output_1: `a${id}`, output_2: `b${id}`, label: 1 }),
    file: 'Natural',
    needs: ['input', 'output_1', 'output_2', 'label'],
  },
  'followbench-eval': {
    row: (i) => ({
      id: `style:${i}:2`,
      example: `style:${i}`,
      level: 2,
      category: 'style',
      instruction: `i${i}`,
      chosen: `c${i}`,
      rejected: `r${i}`,
      verified: { by: 'rule', rule: 'x' },
    }),
    needs: ['id', 'example', 'level', 'category', 'instruction', 'chosen', 'rejected', 'verified'],
  },
  'ppe-correctness': {
    row: (i) => ({
      question_id: `q${i}`,
      prompt: `p${i}`,
      scores: [true, false],
      response_1: `a${i}`,
      response_2: `b${i}`,
      sampled_conflict_pairs: [[1, 0]],
    }),
    file: 'gpqa',
    needs: ['question_id', 'prompt', 'scores', 'response_1', 'response_2'],
  },
  'ppe-preference': {
    row: (i) => ({
      question_id: `q${i}`,
      prompt: `p${i}`,
      response_1: `a${i}`,
      response_2: `b${i}`,
      winner: 'model_a',
      language: 'English',
    }),
    needs: ['prompt', 'response_1', 'response_2', 'winner'],
  },
  custom: {
    row: (id) => ({ id, instruction: `i${id}`, a: `c${id}`, b: `r${id}`, label: 'B' }),
    needs: ['instruction', 'label'],
  },
  'rewardbench-2': {
    row: (i) => ({
      id: `m${i}`,
      subset: 'Math',
      prompt: `p${i}`,
      chosen: [`c${i}`],
      rejected: ['x', 'y', 'z'],
      num_correct: 1,
    }),
    needs: ['id', 'subset', 'prompt', 'chosen', 'rejected'],
  },
  'custom-k': {
    row: (id) => ({ id, instruction: `i${id}`, responses: [`c${id}`, 'x', 'y'], best: 'A' }),
    needs: ['instruction', 'responses', 'best'],
  },
};

const folder = mkdtempSync(join(tmpdir(), 'faults-'));
afterAll(() => rmSync(folder, { recursive: true }));
let [out, complaints] = ['', ''];
beforeEach(() => {
  [out, complaints] = ['', ''];
  vi.spyOn(process.stdout, 'write').mockImplementation((text, done?: unknown) => {
    out += String(text);
    if (typeof done === 'function') done();
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    complaints += String(text);
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = 0;
});

it('covers every benchmark that takes files', () => {
  const names = [...BENCHMARKS, ...CHOICE_BENCHMARKS]
    .map(({ name }) => name)
    .filter((name) => name !== 'playground');
  expect(Object.keys(SCHEMAS).sort()).toEqual(names.sort());
});

describe.each(Object.entries(SCHEMAS))('%s', (name, { row, file = 'data', needs }) => {
  const benchmark = [...BENCHMARKS, ...CHOICE_BENCHMARKS].find((one) => one.name === name);
  const choice = CHOICE_BENCHMARKS.some((one) => one.name === name);
  const own = join(folder, name);
  mkdirSync(own);
  const write = (rows: readonly unknown[], as = file) => {
    const path = join(own, `${as}.jsonl`);
    writeFileSync(path, rows.map((value) => `${JSON.stringify(value)}\n`).join(''));
    return path;
  };
  /** Every id of the benchmark with the same verdict, or with ratings. */
  const verdicts = (rows: readonly Row[], said: Row = { verdict: 'invalid' }) => {
    const units = benchmark?.load(rows.map((value) => ({ value, file, at: 'row' }))) ?? [];
    const each = choice ? [said] : ['ab', 'ba'].map((order) => ({ order, ...said }));
    return write(
      units.flatMap(({ id }) => each.map((verdict) => ({ id, ...verdict }))),
      'verdicts',
    );
  };
  const bench = (data: string, said: string, ...more: string[]) =>
    main(['bench', name, '--data', data, '--verdicts', said, ...more]);
  const rows = [0, 1, 2].map(row);

  it('names a file that is missing, empty, damaged or of no rows', async () => {
    const said = verdicts(rows);
    const none = join(own, 'none.jsonl');
    expect(await bench(none, said)).toBe(2);
    expect(complaints).toContain('none.jsonl');
    writeFileSync(none, '');
    expect(await bench(none, said)).toBe(2);
    expect(complaints).toMatch(/none\.jsonl (?:holds no|is empty)/);
    writeFileSync(none, `${JSON.stringify(row(0))}\n{"id": 1, "prom`);
    expect(await bench(none, said)).toBe(2);
    expect(complaints).toMatch(/none\.jsonl.*line 2/);
    mkdirSync(join(own, 'bare'));
    expect(await bench(join(own, 'bare'), said)).toBe(2);
    expect(complaints).toMatch(/bare holds no files/);
    expect(complaints).not.toMatch(/bug|\.ts:/);
  });

  it.each(needs)('names the row whose %s is not there, or of another kind', async (field) => {
    const said = verdicts(rows);
    for (const value of [undefined, null, { moved: true }]) {
      complaints = '';
      const moved = write([row(0), { ...row(1), [field]: value }, row(2)]);
      expect(await bench(moved, said)).toBe(2);
      expect(complaints).toMatch(/^error: .*line 2 /);
      expect(complaints).not.toMatch(/bug|\.ts:/);
    }
    expect(out).toBe('');
  });

  it('says which ids stand twice, and gives each its own verdict', async () => {
    const twice = [...rows, row(1)];
    const data = write(twice);
    if (name === 'ppe-correctness') {
      // Its questions are told apart by their place.
      expect(await bench(data, verdicts(twice))).toBe(0);
      return;
    }
    expect(await bench(data, verdicts(twice), '--json')).toBe(0);
    expect(complaints).toMatch(/note: .*: ids that stand more than once/);
    const [score] = JSON.parse(out).benchmarks;
    expect(score.judged).toBe(score.choices ?? score.pairs);
  });

  it('is no number at all, or one that says so, for a judge that is always invalid', async () => {
    const data = write(rows);
    expect(await bench(data, verdicts(rows), '--json')).toBe(0);
    const [score] = JSON.parse(out).benchmarks;
    expect(score.shares.invalid).toBe(1);
    expect(score.conventions.dropped).toBeNull();
    expect(score.official.score).not.toBeNull();
    out = '';
    expect(await bench(data, verdicts(rows))).toBe(0);
    expect(out).toMatch(/invalid 100\.0/);
    expect(out).not.toMatch(/NaN|undefined|null/);
    if (!choice) return;
    const n = 'responses' in row(0) ? 3 : 4;
    out = '';
    expect(await bench(data, verdicts(rows, { ratings: Array(n).fill(null) }), '--json')).toBe(0);
    expect(JSON.parse(out).benchmarks[0]).toMatchObject({ unrated: 1, conventions: { dropped: null } });
  });

  it('does not take verdicts of another benchmark for its own', async () => {
    const said = write([{ id: 'of another', order: 'ab', verdict: 'A' }], 'verdicts');
    expect(await bench(write(rows), said)).toBe(2);
    expect(complaints).toMatch(/is about of another, which the benchmark does not have/);
    expect(await bench(write(rows), write([], 'verdicts'))).toBe(2);
    expect(complaints).toMatch(/no verdict/);
  });
});
