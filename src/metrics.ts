import { EvalPlannerError } from './errors.ts';
import { random, seedOf } from './random.ts';
import type { Order, VerdictKind } from './types.ts';

/** What a judge said about one pair shown in one order. */
export interface VerdictRecord {
  readonly pairId: string;
  readonly order: Order;
  readonly verdict: VerdictKind;
}

/** Low and high end of a 95 % interval. */
export type Interval = readonly [number, number];

/** A judge's scores as fractions from 0 to 1. An *example* is a pair in one order. */
export interface Scores {
  readonly pairs: number;
  /** Examples whose verdict names the chosen response; a tie, an invalid and a truncated one are wrong. */
  readonly accuracy: number;
  /** Pairs right in both orders. */
  readonly bothOrders: number;
  /** Pairs in which both orders name the same response, right or wrong. */
  readonly consistency: number;
  /** Examples whose verdict is neither A nor B. */
  readonly invalid: number;
  /** Verdicts A among the verdicts A and B; one half shows no preference for a slot. */
  readonly firstSlot: number;
  readonly intervals: {
    readonly accuracy: Interval;
    readonly bothOrders: Interval;
    readonly consistency: Interval;
    readonly invalid: Interval;
  };
}

/** 97.5 % quantile of the standard normal distribution. */
const Z = 1.959963984540054;
const RESAMPLES = 2000;

/** Scores of one judge on one set of pairs. Pairs judged in one order only count towards accuracy and invalid; the
 * both-order scores are fractions of the pairs that have both. `seed` draws the bootstrap. */
export function scores(records: Iterable<VerdictRecord>, seed = 0): Scores {
  const pairs = [...byPair(records).values()];
  const examples = sum(pairs, shown);
  const both = pairs.filter(({ ab, ba }) => ab !== undefined && ba !== undefined);
  const decided = sum(pairs, (p) => count(p, (verdict) => verdict === 'A' || verdict === 'B'));
  const accuracy = ratio(sum(pairs, right), examples);
  const bothOrders = ratio(both.filter(rightInBoth).length, both.length);
  const consistency = ratio(both.filter(consistent).length, both.length);
  const invalid = ratio(examples - decided, examples);
  return {
    pairs: pairs.length,
    accuracy,
    bothOrders,
    consistency,
    invalid,
    firstSlot: decided === 0 ? 0.5 : sum(pairs, (p) => count(p, (verdict) => verdict === 'A')) / decided,
    intervals: {
      accuracy: clusterBootstrap(
        pairs.map((p) => [right(p), shown(p)] as const),
        seed,
      ),
      bothOrders: wilson(bothOrders, both.length),
      consistency: wilson(consistency, both.length),
      // Rare, where a bootstrap is at its worst. The two orders of a pair are counted as one observation: too wide if
      // they fail independently, right if they fail together.
      invalid: wilson(invalid, pairs.length),
    },
  };
}

/** Wilson's score interval of a share p of n independent observations:
 * (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n). Never empty, never outside [0, 1]. */
export function wilson(p: number, n: number): Interval {
  if (n === 0) return [0, 1];
  const z2 = Z * Z;
  const centre = p + z2 / (2 * n);
  const reach = Z * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n));
  const scale = 1 + z2 / n;
  // At the ends the two terms are equal but for rounding.
  return [
    p === 0 ? 0 : Math.max(0, (centre - reach) / scale),
    p === 1 ? 1 : Math.min(1, (centre + reach) / scale),
  ];
}

/** Percentile bootstrap of Σ right / Σ examples over clusters [right, examples], here pairs: the two orders of a pair
 * share its difficulty, so they are drawn together. Where no cluster differs from another, resampling shows no spread,
 * and Wilson's interval over the clusters answers instead. */
export function clusterBootstrap(clusters: readonly (readonly [number, number])[], seed: number): Interval {
  const [first] = clusters;
  if (first === undefined) return [0, 1];
  const share = first[0] / first[1];
  if (clusters.every(([hits, size]) => hits / size === share)) return wilson(share, clusters.length);
  const next = random(seedOf('cluster bootstrap', seed));
  const n = clusters.length;
  const hitsOf = Float64Array.from(clusters, ([own]) => own);
  const sizeOf = Float64Array.from(clusters, ([, own]) => own);
  const draws = new Float64Array(RESAMPLES);
  for (let r = 0; r < RESAMPLES; r++) {
    let hits = 0;
    let size = 0;
    for (let i = 0; i < n; i++) {
      const cluster = Math.floor(next() * n);
      hits += hitsOf[cluster] as number;
      size += sizeOf[cluster] as number;
    }
    draws[r] = hits / size;
  }
  draws.sort();
  return [draws[Math.floor(0.025 * RESAMPLES)] as number, draws[Math.ceil(0.975 * RESAMPLES) - 1] as number];
}

export interface Comparison {
  /** Pairs right in both orders by the first judge only, and by the second only. */
  readonly firstOnly: number;
  readonly secondOnly: number;
  /** Probability of a split at least this uneven if both judges were equally good. */
  readonly p: number;
}

/** Accuracy of the second judge less that of the first on the same pairs, with a bootstrap over pairs: what is hard for one is hard for
 * the other, so that its interval is narrower than those of the two. `seed` draws. */
export function accuracyGain(
  first: Iterable<VerdictRecord>,
  second: Iterable<VerdictRecord>,
  seed = 0,
): { readonly gain: number; readonly interval: Interval; readonly pairs: number } {
  const b = byPair(second);
  const both = [...byPair(first)].flatMap(([id, pair]) => {
    const other = b.get(id);
    const size = shown(pair);
    // From −1 … 1 to the shares that the bootstrap takes.
    return other ? [[(right(other) - right(pair) + size) / 2, size] as const] : [];
  });
  const share = ratio(
    sum(both, ([hits]) => hits),
    sum(both, ([, size]) => size),
  );
  const gain = (of: number) => 2 * of - 1;
  const alike = both.every(([hits, size]) => hits / size === share);
  // Resampling shows no spread there: so many pairs may differ from all that were seen, by Wilson's bound of none of n.
  const [, reach] = wilson(0, both.length);
  const [low, high] = alike ? [share - reach / 2, share + reach / 2] : clusterBootstrap(both, seed);
  const interval: Interval = [Math.max(-1, gain(low)), Math.min(1, gain(high))];
  return { gain: both.length === 0 ? 0 : gain(share), interval, pairs: both.length };
}

/** Exact McNemar test of two judges on the same pairs, each right when it is right in both orders. */
export function compareJudges(first: Iterable<VerdictRecord>, second: Iterable<VerdictRecord>): Comparison {
  const a = byPair(first);
  const b = byPair(second);
  if (a.size !== b.size || [...a.keys()].some((id) => !b.has(id))) {
    throw new EvalPlannerError(
      'data',
      'The two judges were not run on the same pairs',
      'Judge the same pairs with both, then compare.',
    );
  }
  let firstOnly = 0;
  let secondOnly = 0;
  for (const [id, pair] of a) {
    const mine = rightInBoth(pair);
    const other = rightInBoth(b.get(id) as Pair);
    if (mine && !other) firstOnly++;
    if (other && !mine) secondOnly++;
  }
  return { firstOnly, secondOnly, p: mcnemar(firstOnly, secondOnly) };
}

/** Two-sided exact McNemar: min(1, 2 Σ_{i ≤ min(b, c)} C(n, i) / 2ⁿ) with n = b + c discordant pairs. */
export function mcnemar(b: number, c: number): number {
  const n = b + c;
  let logTerm = -n * Math.LN2; // log of C(n, 0) / 2ⁿ: in logarithms, since 2ⁿ overflows from n = 1024
  let tail = Math.exp(logTerm);
  for (let i = 1; i <= Math.min(b, c); i++) {
    logTerm += Math.log((n - i + 1) / i);
    tail += Math.exp(logTerm);
  }
  return Math.min(1, 2 * tail);
}

interface Pair {
  ab?: VerdictKind;
  ba?: VerdictKind;
}

function byPair(records: Iterable<VerdictRecord>): Map<string, Pair> {
  const pairs = new Map<string, Pair>();
  for (const { pairId, order, verdict } of records) {
    const pair = pairs.get(pairId) ?? {};
    if (pair[order] !== undefined) {
      throw new EvalPlannerError(
        'data',
        `Pair ${pairId} has two verdicts for order ${order}`,
        'Score each judge and each split by itself, with one verdict for each order.',
      );
    }
    pair[order] = verdict;
    pairs.set(pairId, pair);
  }
  return pairs;
}

/** `ab` shows the chosen response first: A names it there, B in `ba`. */
function right({ ab, ba }: Pair): number {
  return (ab === 'A' ? 1 : 0) + (ba === 'B' ? 1 : 0);
}

function rightInBoth(pair: Pair): boolean {
  return right(pair) === 2;
}

function consistent(pair: Pair): boolean {
  return rightInBoth(pair) || (pair.ab === 'B' && pair.ba === 'A');
}

function shown(pair: Pair): number {
  return count(pair, () => true);
}

function count({ ab, ba }: Pair, matches: (verdict: VerdictKind) => boolean): number {
  return (ab !== undefined && matches(ab) ? 1 : 0) + (ba !== undefined && matches(ba) ? 1 : 0);
}

function sum<T>(list: readonly T[], value: (item: T) => number): number {
  return list.reduce((total, item) => total + value(item), 0);
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
