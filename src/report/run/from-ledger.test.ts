import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BenchmarkIndex } from '../../audit/contamination.ts';
import { CONFIG, madeUpRun } from '../../pipeline/made-up-run.contract.ts';
import { plan, run } from '../../pipeline.ts';
import { EMPTY_PLAN, PLAN_KINDS, planKind } from '../../playground/habits.ts';
import { PLAYGROUND_PROMPTS } from '../../prompts/set.ts';
import { openStore } from '../../store/ledger.ts';
import { ledgerReport } from './from-ledger.ts';
import { renderReport } from './page.ts';
import type { Report } from './report.ts';

let folder: string;
let report: Report;
let firstTime: Report;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'evalplanner-report-'));
  using store = openStore(join(folder, 'run.db'), { config: {} });
  const { ports } = madeUpRun(store, folder);
  const facts = {
    version: '1.2.3',
    node: '24.0.0',
    preset: 'tiny',
    seed: 3,
    model: 'seed model',
    peakRssMB: 100,
    split: 'dev',
    planKinds: { kinds: PLAN_KINDS, of: planKind },
    stages: plan(CONFIG, ports).map(({ name }) => name),
  };
  firstTime = ledgerReport(store, PLAYGROUND_PROMPTS, facts);
  await run(CONFIG, ports);
  const benchmarks = new BenchmarkIndex();
  benchmarks.add('bench', '7', 'D1 general 0!');
  benchmarks.add('bench', '8', 'validation general 0');
  benchmarks.add('other', '1', 'Name a bird.');
  report = ledgerReport(store, PLAYGROUND_PROMPTS, facts, benchmarks);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('an empty ledger makes a report without scores', () => {
  expect(firstTime).toMatchObject({
    stages: [],
    comparisons: [],
    curves: [],
    habits: [],
    samples: [],
    seconds: 0,
  });
  expect(renderReport(firstTime)).toContain('no scores yet');
});

test('every judge is scored on the held-out pairs of each domain', () => {
  expect(report.stages.map(({ name }) => name)).toEqual([
    'M0',
    'M1-SFT',
    'M1-DPO',
    'M2-DPO',
    'direct',
    'unplanned',
  ]);
  for (const { general, math } of report.stages) {
    expect(general.pairs).toBe(6);
    expect(math.pairs).toBe(6);
  }
});

test('the last judge is compared with the first and with the controls, in each domain', () => {
  expect(report.comparisons?.map(({ first, second, domain }) => `${first} ${second} ${domain}`)).toEqual([
    'M0 M2-DPO general',
    'M0 M2-DPO math',
    'direct M2-DPO general',
    'direct M2-DPO math',
    'unplanned M2-DPO general',
    'unplanned M2-DPO math',
  ]);
});

test('time adds up, and curves are told apart', () => {
  expect(report.timings).toHaveLength(20);
  expect(report.seconds).toBeCloseTo(report.timings.reduce((sum, { seconds }) => sum + seconds, 0));
  expect(report.curves.map(({ stage, kind }) => `${stage} ${kind}`)).toEqual([
    'M1-SFT sft',
    'M1-DPO dpo',
    'M2-DPO dpo',
    'direct sft',
    'unplanned-SFT sft',
    'unplanned-DPO-1 dpo',
    'unplanned dpo',
  ]);
  for (const { steps } of report.curves) expect(steps.length).toBeGreaterThan(0);
});

test('training instructions that repeat a benchmark are counted, whatever was found', () => {
  expect(firstTime.audit?.contamination).toBeUndefined();
  const { checked, ...found } = report.audit?.contamination ?? {};
  expect(checked).toBe((report.counts.pairs.d1 ?? 0) + (report.counts.pairs.d2 ?? 0));
  expect(found).toMatchObject({
    rows: 1,
    benchmarks: { bench: { prompts: 2, exact: 1, ngram: 0 }, other: { prompts: 1, exact: 0, ngram: 0 } },
    first: [{ found: [{ benchmark: 'bench', id: '7', kind: 'exact', overlap: 1 }] }],
  });
  const page = renderReport(report);
  expect(page).toContain(`Training instructions like a benchmark's: 1 of ${checked}`);
  expect(page).not.toContain('other benchmark was looked for');
});

test('habits are those of the judges that plan', () => {
  expect(report.habits?.map(({ stage, plans }) => `${stage} ${plans}`)).toEqual([
    'M0 24',
    'M1-SFT 24',
    'M1-DPO 24',
    'M2-DPO 24',
  ]);
  expect(report.habits?.[0]?.kinds[0]).toMatchObject({ kind: 'empty', share: 1 });
});

test('samples show the same pairs from every judge, in both orders, as they were shown', () => {
  expect(report.samples).toHaveLength(6 * 2 * 12);
  const of = (stage: string) =>
    report.samples
      .filter((sample) => sample.stage === stage)
      .map(({ pairId, order }) => `${pairId} ${order}`);
  expect(of('direct')).toEqual(of('M0'));
  for (const { order, a, stage, plan, execution } of report.samples) {
    expect(a.startsWith('right')).toBe(order === 'ab');
    expect(plan).toBe(stage === 'direct' || stage === 'unplanned' ? '' : EMPTY_PLAN);
    expect(execution.startsWith('looked at')).toBe(stage !== 'direct');
  }
});

test('kinds of plans', () => {
  expect(planKind(EMPTY_PLAN)).toBe('empty');
  expect(planKind('Check the count is 3.')).toBe('single');
  expect(planKind('Check the count is 3. Check it goes up.')).toBe('full');
  expect(planKind('Work out each step.')).toBe('full');
  expect(planKind('3 * 4 = 12. The answer is 12.')).toBe('reference');
});
