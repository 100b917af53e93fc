import { expect, test } from 'vitest';
import { findingsOf } from './findings.ts';
import { madeUpReport } from './made-up.contract.ts';
import type { Report } from './report.ts';

const GOOD = {
  ...madeUpReport(60),
  gain: { first: 'M0', last: 'M2-DPO', pairs: 120, accuracy: 0.3, interval: [0.2, 0.4] },
  trainings: [{ judge: 'M1-SFT', rows: 900, dropped: 0, kept: 'M1-SFT/step-9' }],
} as const satisfies Report;

const kinds = (report: Report) => findingsOf(report).map(({ kind }) => kind);

test('nothing speaks against a run that learned', () => {
  expect(kinds(GOOD)).toEqual([]);
});

test('a gain whose interval holds 0, or lies below it', () => {
  const none = { ...GOOD, gain: { ...GOOD.gain, accuracy: 0.012, interval: [-0.03, 0.054] as const } };
  expect(findingsOf(none)).toMatchObject([
    {
      kind: 'not better',
      seen: 'M2-DPO is not shown to be better than M0: +1.2 points of accuracy (95 % interval −3.0 to +5.4, 120 pairs)',
    },
  ]);
  const worse = { ...GOOD, gain: { ...GOOD.gain, accuracy: -0.2, interval: [-0.3, -0.1] as const } };
  expect(findingsOf(worse)[0]?.seen).toMatch(/^M2-DPO is worse than M0: −20\.0 points/);
});

test('a training without rows', () => {
  expect(kinds({ ...GOOD, trainings: [{ ...GOOD.trainings[0], rows: 0 }] })).toEqual(['no rows']);
});

test('verdicts for one slot', () => {
  const stages = GOOD.stages.map((stage) => ({
    ...stage,
    sets: Object.fromEntries(
      Object.entries(stage.sets).map(([name, own]) => [
        name,
        { ...own, firstSlot: name === 'math' ? 0.01 : 0.5, invalid: 0 },
      ]),
    ),
  }));
  expect(findingsOf({ ...GOOD, stages })).toMatchObject([
    { kind: 'one slot', seen: 'M2-DPO says B for 99.0 % of math, whatever is shown there' },
  ]);
});

test('thoughts whose verdict cannot be read', () => {
  const audit = GOOD.audit as NonNullable<Report['audit']>;
  const round = audit.thoughts['1'] as (typeof audit.thoughts)[string];
  const thoughts = { 1: { ...round, outputs: 100, verdicts: { A: 3, B: 1, invalid: 96 } } };
  expect(findingsOf({ ...GOOD, audit: { ...audit, thoughts } })).toMatchObject([
    { kind: 'unreadable', seen: '4.0 % of the 100 thoughts of round 1 end in a verdict that can be read' },
  ]);
});
