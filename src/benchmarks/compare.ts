import { type Comparison, type Interval, mcnemar, wilson } from '../metrics.ts';
import { ORDERS } from '../types.ts';
import {
  type Benchmark,
  type Game,
  groupBy,
  officialScore,
  outcome,
  type Rated,
  type Score,
} from './benchmark.ts';
import { type ChoiceBenchmark, type ChoiceGame, choicePoints } from './choice.ts';
import { type Drawable, percentiles, resamples } from './resample.ts';

/** Two judges on the pairs, or the choices among n, that both have judged. */
export interface JudgeComparison extends Comparison {
  readonly name: string;
  readonly title: string;
  /** Pairs that both have judged, and those that only one of them has. */
  readonly pairs: number;
  readonly unmatched: number;
  /** What the exact McNemar test counts as right: both orders, where both judges have both, else the one order that both have. */
  readonly unit: 'both orders' | 'one order' | 'a right choice';
  /** Pairs or choices of the test. */
  readonly tested: number;
  /** Official scores on the shared pairs, and first minus second with a paired bootstrap over prompts. */
  readonly first: number;
  readonly second: number;
  readonly difference: number;
  readonly interval: Interval;
}

export interface JudgedBy {
  readonly games: readonly Game[];
  /** Of the run: draws RewardBench's orders. */
  readonly seed: number;
}

/** Null where they share no pair. `seed` draws the bootstrap. */
export function compareOn(
  benchmark: Benchmark,
  first: JudgedBy,
  second: JudgedBy,
  seed = 0,
): JudgeComparison | null {
  const theirs = new Map(second.games.map((game) => [game.pair, game]));
  const shared = first.games.flatMap((game) => {
    const other = theirs.get(game.pair);
    return other === undefined ? [] : [{ pair: game.pair, mine: game, other }];
  });
  if (shared.length === 0) return null;
  const rate = (of: JudgedBy, game: Game): Rated => ({
    pair: game.pair,
    points: benchmark.points(game, of.seed),
  });
  const [mine, others] = [
    shared.map(({ mine: game }) => rate(first, game)),
    shared.map(({ other }) => rate(second, other)),
  ];
  const pairs = shared.map(({ pair }) => pair);
  return {
    name: benchmark.name,
    title: benchmark.title,
    pairs: shared.length,
    unmatched: first.games.length + second.games.length - 2 * shared.length,
    ...tested(shared),
    ...paired(pairs, officialScore(benchmark, mine), officialScore(benchmark, others), seed),
  };
}

/** The same for choices among n, judged in one way; right is a choice whose points are whole. */
export function compareChoices(
  benchmark: ChoiceBenchmark,
  first: readonly ChoiceGame[],
  second: readonly ChoiceGame[],
  seed = 0,
): JudgeComparison | null {
  const theirs = new Map(second.map((game) => [game.choice, game]));
  const shared = first.flatMap((mine) => {
    const other = theirs.get(mine.choice);
    return other === undefined ? [] : [{ mine, other }];
  });
  if (shared.length === 0) return null;
  const plain = shared.filter(({ mine }) => !mine.choice.ratingsOnly);
  const right = (game: ChoiceGame) => choicePoints(game) === 1;
  const firstOnly = plain.filter(({ mine, other }) => right(mine) && !right(other)).length;
  const secondOnly = plain.filter(({ mine, other }) => right(other) && !right(mine)).length;
  return {
    name: benchmark.name,
    title: benchmark.title,
    pairs: shared.length,
    unmatched: first.length + second.length - 2 * shared.length,
    unit: 'a right choice',
    tested: plain.length,
    firstOnly,
    secondOnly,
    p: mcnemar(firstOnly, secondOnly),
    ...paired(
      shared.map(({ mine }) => mine.choice),
      (places) => benchmark.aggregate(places.map((place) => shared[place]?.mine as ChoiceGame)),
      (places) => benchmark.aggregate(places.map((place) => shared[place]?.other as ChoiceGame)),
      seed,
    ),
  };
}

/** Both scores and their difference, with a paired percentile bootstrap over prompts. */
function paired(
  units: readonly Drawable[],
  mine: (places: readonly number[]) => Score,
  other: (places: readonly number[]) => Score,
  seed: number,
): Pick<JudgeComparison, 'first' | 'second' | 'difference' | 'interval'> {
  const all = [...units.keys()];
  const [first, second] = [mine(all).score, other(all).score];
  const difference = first - second;
  const draws = Array.from(resamples(units, seed), (places) => mine(places).score - other(places).score);
  const [low, high] = percentiles(draws) as Interval;
  return { first, second, difference, interval: low === high ? flat(difference, units) : [low, high] };
}

/** Where every prompt differs alike, resampling shows no spread; Wilson's reach over prompts stands in for it. */
function flat(difference: number, pairs: readonly Drawable[]): Interval {
  const [, reach] = wilson(0, groupBy(pairs, ({ prompt }) => prompt).size);
  return [Math.max(-1, difference - reach), Math.min(1, difference + reach)];
}

function tested(shared: readonly { readonly mine: Game; readonly other: Game }[]) {
  const common = shared.map(({ mine, other }) => ({
    mine,
    other,
    orders: ORDERS.filter(
      (order) => mine.verdicts[order] !== undefined && other.verdicts[order] !== undefined,
    ),
  }));
  const twice = common.filter(({ orders }) => orders.length === 2);
  const unit = twice.length > 0 ? ('both orders' as const) : ('one order' as const);
  const counted = twice.length > 0 ? twice : common.filter(({ orders }) => orders.length === 1);
  let [firstOnly, secondOnly] = [0, 0];
  for (const { mine, other, orders } of counted) {
    const right = ({ pair, verdicts }: Game) =>
      orders.every((order) => outcome(pair, order, verdicts[order] ?? 'invalid') === 1);
    if (right(mine) && !right(other)) firstOnly++;
    if (right(other) && !right(mine)) secondOnly++;
  }
  return { unit, tested: counted.length, firstOnly, secondOnly, p: mcnemar(firstOnly, secondOnly) };
}
