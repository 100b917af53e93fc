import { describe, expect, test } from 'vitest';
import {
  accuracyGain,
  clusterBootstrap,
  compareJudges,
  mcnemar,
  scores,
  type VerdictRecord,
  wilson,
} from './metrics.ts';
import { integer, random } from './random.ts';
import type { VerdictKind } from './types.ts';

/** One pair for each [ab, ba]. */
function verdicts(...pairs: readonly (readonly [VerdictKind, VerdictKind])[]): VerdictRecord[] {
  return pairs.flatMap(([ab, ba], i) => [
    { pairId: `p${i}`, order: 'ab' as const, verdict: ab },
    { pairId: `p${i}`, order: 'ba' as const, verdict: ba },
  ]);
}

describe('wilson', () => {
  // Newcombe 1998 (Statistics in Medicine 17, table I, method 3), and scipy 1.17.1
  // binomtest(k, n).proportion_ci(method='wilson').
  test.each([
    [81, 263, 0.2552885198782742, 0.36620957698280004],
    [15, 148, 0.06238639953073629, 0.16048724172330803],
    [0, 20, 0, 0.16112515805281935],
    [1, 29, 0.006113214292762667, 0.17175521879320282],
    [20, 20, 0.8388748419471808, 1],
  ])('%i of %i', (k, n, low, high) => {
    const interval = wilson(k / n, n);
    expect(interval[0]).toBeCloseTo(low, 12);
    expect(interval[1]).toBeCloseTo(high, 12);
  });

  test('nothing observed says nothing', () => expect(wilson(0, 0)).toEqual([0, 1]));
});

describe('mcnemar', () => {
  // By hand: 10 and 2 are 2 (1 + 12 + 66) / 4096. The others are scipy 1.17.1 binomtest(min(b, c), b + c).pvalue.
  test.each([
    [10, 2, 158 / 4096],
    [5, 5, 1],
    [0, 0, 1],
    [1, 0, 1],
    [0, 6, 0.03125],
    [60, 40, 0.05688793364098089],
    [700, 610, 0.013902723449447724],
  ])('%i and %i', (b, c, p) => {
    expect(mcnemar(b, c)).toBeCloseTo(p, 10);
    expect(mcnemar(c, b)).toBeCloseTo(p, 10);
  });
});

describe('clusterBootstrap', () => {
  test('agrees with the cluster-robust normal interval where that holds', () => {
    const next = random(3);
    const clusters = Array.from({ length: 2000 }, () => [integer(next, 0, 2), 2] as const);
    const shares = clusters.map(([hits]) => hits / 2);
    const mean = shares.reduce((a, b) => a + b) / shares.length;
    const error = Math.sqrt(shares.reduce((a, b) => a + (b - mean) ** 2, 0)) / shares.length;
    const [low, high] = clusterBootstrap(clusters, 1);
    expect(Math.abs(low - (mean - 1.96 * error))).toBeLessThan(0.1 * error * 1.96);
    expect(Math.abs(high - (mean + 1.96 * error))).toBeLessThan(0.1 * error * 1.96);
  });

  test('two orders that always agree are one observation, not two', () => {
    const together = Array.from({ length: 400 }, (_, i) => [i % 2 === 0 ? 2 : 0, 2] as const);
    const [low, high] = clusterBootstrap(together, 1);
    // Wilson over 400 independent pairs: ± 0.0488; over 800 examples it would be ± 0.0346.
    expect((high - low) / 2).toBeGreaterThan(0.044);
    expect((high - low) / 2).toBeLessThan(0.054);
  });

  test('is a function of its seed', () => {
    const clusters = Array.from({ length: 50 }, (_, i) => [i % 3, 2] as const);
    expect(clusterBootstrap(clusters, 5)).toEqual(clusterBootstrap(clusters, 5));
  });

  test('without spread, Wilson over the clusters answers', () => {
    expect(clusterBootstrap(Array(20).fill([2, 2]), 1)).toEqual(wilson(1, 20));
    expect(clusterBootstrap([], 1)).toEqual([0, 1]);
  });
});

describe('scores', () => {
  test('every kind of pair counts where it should', () => {
    const s = scores(
      verdicts(
        ['A', 'B'], // right twice, consistent
        ['A', 'B'],
        ['B', 'A'], // wrong twice, consistent
        ['A', 'A'], // the first slot, right once
        ['B', 'B'], // the second slot, right once
        ['A', 'tie'], // right once
        ['invalid', 'B'], // right once
        ['truncated', 'truncated'],
      ),
    );
    expect(s.pairs).toBe(8);
    expect(s.accuracy).toBe(8 / 16);
    expect(s.bothOrders).toBe(2 / 8);
    expect(s.consistency).toBe(3 / 8);
    expect(s.invalid).toBe(4 / 16);
    expect(s.firstSlot).toBe(6 / 12);
    expect(s.intervals.bothOrders).toEqual(wilson(2 / 8, 8));
    expect(s.intervals.consistency).toEqual(wilson(3 / 8, 8));
    expect(s.intervals.accuracy[0]).toBeLessThan(0.5);
    expect(s.intervals.accuracy[1]).toBeGreaterThan(0.5);
  });

  test('a judge that always says A is right half the time and never in both orders', () => {
    const s = scores(verdicts(...Array<['A', 'A']>(40).fill(['A', 'A'])));
    expect(s).toMatchObject({ accuracy: 0.5, bothOrders: 0, consistency: 0, invalid: 0, firstSlot: 1 });
    expect(s.intervals.accuracy).toEqual(wilson(0.5, 40));
  });

  test('pairs judged in one order only are left out of the both-order scores', () => {
    const s = scores([...verdicts(['A', 'B']), { pairId: 'single', order: 'ab', verdict: 'B' }]);
    expect(s).toMatchObject({ pairs: 2, accuracy: 2 / 3, bothOrders: 1, consistency: 1 });
  });

  test('no records: zero, with nothing known', () => {
    const s = scores([]);
    expect(s).toMatchObject({ pairs: 0, accuracy: 0, firstSlot: 0.5, intervals: { accuracy: [0, 1] } });
    expect(JSON.parse(JSON.stringify(s))).toEqual(s);
  });

  test('the order of the records does not matter for the point estimates, duplicates are refused', () => {
    const records = verdicts(['A', 'B'], ['B', 'B'], ['tie', 'B']);
    expect(scores([...records].reverse())).toMatchObject({ accuracy: 4 / 6, bothOrders: 1 / 3 });
    expect(() => scores([...records, ...records])).toThrow('two verdicts for order ab');
  });
});

test('judges are compared on the same pairs only', () => {
  const first = verdicts(['A', 'B'], ['A', 'B'], ['A', 'A']);
  const second = verdicts(['A', 'B'], ['A', 'A'], ['B', 'A']);
  expect(compareJudges(first, second)).toEqual({ firstOnly: 1, secondOnly: 0, p: 1 });
  expect(() => compareJudges(first, verdicts(['A', 'B']))).toThrow('not run on the same pairs');
});

test('the gain of one judge over another is the mean difference of their right verdicts, with an interval around it', () => {
  const judged = (right: (i: number) => boolean): VerdictRecord[] =>
    Array.from({ length: 200 }, (_, i) => [
      { pairId: `p${i}`, order: 'ab' as const, verdict: right(i) ? ('A' as const) : ('B' as const) },
      { pairId: `p${i}`, order: 'ba' as const, verdict: right(i) ? ('B' as const) : ('A' as const) },
    ]).flat();
  const half = judged((i) => i % 2 === 0);
  const most = judged((i) => i % 2 === 0 || i % 10 < 6);
  const { gain, interval, pairs } = accuracyGain(half, most);
  expect(pairs).toBe(200);
  expect(gain).toBeCloseTo(0.3, 12);
  // ± 1.96 √(0.3 · 0.7 / 200) = ± 6.4 points, by the normal approximation of a share.
  expect(interval[0]).toBeCloseTo(0.3 - 0.0635, 1);
  expect(interval[1]).toBeCloseTo(0.3 + 0.0635, 1);
  expect(accuracyGain(most, half).gain).toBeCloseTo(-0.3, 12);
  const none = accuracyGain(half, half);
  expect(none.gain).toBe(0);
  // Of 200 pairs none differs: Wilson's upper end, z² / (n + z²).
  expect(none.interval[1]).toBeCloseTo(3.8415 / 203.8415, 4);
  expect(none.interval[0]).toBeCloseTo(-3.8415 / 203.8415, 4);
});
