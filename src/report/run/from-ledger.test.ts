import { afterAll, beforeAll, expect, test } from 'vitest';
import { BenchmarkIndex } from '../../audit/contamination.ts';
import { EMPTY_PLAN, planKind } from '../../playground/habits.ts';
import { PLAYGROUND_PROMPTS } from '../../prompts/set.ts';
import { openStore } from '../../store/ledger.ts';
import type { Store } from '../../store.ts';
import { FILLED_STAGES, fillLedger } from './filled-ledger.contract.ts';
import { ledgerReport } from './from-ledger.ts';
import { renderReport } from './page.ts';
import type { Report } from './report.ts';
import { renderTable } from './table.ts';

const FACTS = {
  version: '1.2.3',
  node: '24.0.0',
  preset: 'own',
  seed: 3,
  model: 'seed model',
  peakRssMB: 100,
  planKinds: { kinds: ['look', 'other'], of: (plan: string) => (plan.startsWith('look') ? 'look' : 'other') },
};
const reportOf = (store: Store, benchmarks: BenchmarkIndex | null = null) =>
  ledgerReport(store, PLAYGROUND_PROMPTS, FACTS, benchmarks);

let store: Store;
let report: Report;
let firstTime: Report;
beforeAll(() => {
  store = openStore(':memory:', { config: {} });
  firstTime = reportOf(store);
  fillLedger(store);
  const benchmarks = new BenchmarkIndex();
  benchmarks.add('bench', '7', 'D1 wiki 0!');
  benchmarks.add('bench', '8', 'dev wiki 0');
  benchmarks.add('other', '1', 'Name a bird.');
  report = reportOf(store, benchmarks);
});
afterAll(() => store.close());

test('an empty ledger makes a report without scores', () => {
  expect(firstTime).toMatchObject({
    sources: [],
    stages: [],
    comparisons: [],
    timings: [],
    curves: [],
    habits: [],
    samples: [],
    seconds: 0,
  });
  expect(renderReport(firstTime)).toContain('no scores yet');
});

test('every judge is scored on the held-out pairs of each source that has some, in the order of the plan', () => {
  expect(report.sources).toEqual(['math', 'wiki', 'code']);
  expect(report.stages.map(({ name, control }) => `${name} ${control}`)).toEqual([
    'M0 false',
    'M1-SFT false',
    'careful false',
    'direct true',
    'unplanned true',
  ]);
  for (const { sets } of report.stages)
    expect(Object.entries(sets).map(([source, { pairs }]) => `${source} ${pairs}`)).toEqual([
      'math 3',
      'wiki 7',
      'code 2',
    ]);
  // Of 7 pairs 3 lie below 0.3 · 7.
  expect(report.stages[0]?.sets.wiki).toMatchObject({ accuracy: 3 / 7, bothOrders: 3 / 7 });
  expect(report.stages[2]?.sets.wiki).toMatchObject({ accuracy: 1 });
});

test('the first judge and the controls are compared with the last one, on each source', () => {
  expect(report.comparisons?.map(({ first, second, source }) => `${first} ${second} ${source}`)).toEqual(
    ['M0', 'direct', 'unplanned'].flatMap((first) =>
      ['math', 'wiki', 'code'].map((source) => `${first} careful ${source}`),
    ),
  );
  expect(report.comparisons?.[1]).toMatchObject({ firstOnly: 0, secondOnly: 4 });
});

test('time adds up, and curves are told apart by what was planned', () => {
  expect(report.timings.map(({ stage }) => stage)).toEqual(FILLED_STAGES.map(({ name }) => name));
  expect(report.seconds).toBe(2 * FILLED_STAGES.length);
  expect(report.timings.at(-1)).toMatchObject({ tokens: 100, tokensPerSecond: 50 });
  expect(report.curves.map(({ stage, kind, steps }) => `${stage} ${kind} ${steps.length}`)).toEqual([
    'M1-SFT sft 3',
    'careful dpo 3',
    'direct sft 3',
  ]);
  expect(Object.keys(report.preferences ?? {})).toEqual(['careful']);
});

test('a judge that is not through has no scores yet', () => {
  using unfinished = openStore(':memory:', { config: {} });
  fillLedger(unfinished, ['judge careful', 'train direct', 'judge direct', 'judge unplanned']);
  unfinished.spend('judge careful', { seconds: 1, tokens: 10 }, { done: 1, total: 12 });
  const found = reportOf(unfinished);
  expect(found.stages.map(({ name }) => name)).toEqual(['M0', 'M1-SFT']);
  expect(found.comparisons?.map(({ first, second }) => `${first} ${second}`)).toContain('M0 M1-SFT');
  expect(found.timings.map(({ stage }) => stage)).toContain('judge careful');
  expect(found.timings.map(({ stage }) => stage)).not.toContain('train direct');
  using begun = openStore(':memory:', { config: {} });
  fillLedger(
    begun,
    FILLED_STAGES.slice(4).map(({ name }) => name),
  );
  expect(reportOf(begun)).toMatchObject({ stages: [{ name: 'M0' }], comparisons: [] });
});

test('training instructions that repeat a benchmark are counted: those of the sets that trainings name', () => {
  expect(firstTime.audit?.contamination).toBeUndefined();
  expect(report.audit).toMatchObject({
    leaked: 0,
    contamination: {
      checked: 9,
      rows: 1,
      benchmarks: { bench: { prompts: 2, exact: 1, ngram: 0 }, other: { prompts: 1, exact: 0, ngram: 0 } },
      first: [{ at: 'd1-wiki-0', found: [{ benchmark: 'bench', id: '7', kind: 'exact', overlap: 1 }] }],
    },
  });
  const page = renderReport(report);
  expect(page).toContain("Training instructions like a benchmark's: 1 of 9");
  expect(page).not.toContain('other benchmark was looked for');
});

test('habits are those of the judges that plan', () => {
  expect(report.habits?.map(({ stage, plans }) => `${stage} ${plans}`)).toEqual([
    'M0 24',
    'M1-SFT 24',
    'careful 24',
  ]);
  expect(report.habits?.[0]?.kinds[0]).toMatchObject({ kind: 'look', share: 1 });
});

test('samples show the same pairs from every judge, in both orders, as they were shown', () => {
  // At most 6 pairs of a source.
  expect(report.samples).toHaveLength(5 * 2 * (3 + 6 + 2));
  const of = (stage: string) =>
    report.samples
      .filter((sample) => sample.stage === stage)
      .map(({ pairId, order }) => `${pairId} ${order}`);
  expect(of('direct')).toEqual(of('M0'));
  for (const { order, a, stage, plan, execution, source, pairId, verdict } of report.samples) {
    expect(a.startsWith('right')).toBe(order === 'ab');
    expect(plan).toBe(stage === 'direct' || stage === 'unplanned' ? '' : `look at ${source}`);
    const unread = `${plan} [[${verdict}]]`.trim();
    expect(execution).toBe(stage === 'direct' ? '' : order === 'ab' ? `looked at ${pairId}` : unread);
  }
});

test('page and table tell every source', () => {
  const page = renderReport(report);
  const table = renderTable(report, { columns: 80, colour: false });
  for (const source of report.sources) {
    expect(page).toContain(`<figcaption>${source}, %</figcaption>`);
    expect(table).toMatch(new RegExp(` ${source}( |$)`, 'm'));
  }
  expect(page).not.toContain('maps');
});

test('kinds of plans', () => {
  expect(planKind(EMPTY_PLAN)).toBe('empty');
  expect(planKind('Check the count is 3.')).toBe('single');
  expect(planKind('Check the count is 3. Check it goes up.')).toBe('full');
  expect(planKind('Work out each step.')).toBe('full');
  expect(planKind('3 * 4 = 12. The answer is 12.')).toBe('reference');
});
