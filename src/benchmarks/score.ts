import { clusterBootstrap, type Interval, wilson } from '../metrics.ts';
import { ORDERS, type Order, type VerdictKind } from '../types.ts';
import {
  type Benchmark,
  type BenchmarkPair,
  type Game,
  groupBy,
  type JudgedOrder,
  judgedOrders,
  officialScore,
  outcome,
} from './benchmark.ts';
import { type LengthControl, lengthControl } from './length.ts';
import { type RatedScore, ratedScore } from './resample.ts';
import { type StyleControl, styleControl } from './style.ts';

/** A judge's result on one benchmark: the official score, and beside it what it hides. Fractions from 0 to 1. */
export interface BenchmarkScore {
  readonly name: string;
  readonly title: string;
  readonly protocol: string;
  /** Pairs with a verdict, and all pairs that were loaded. */
  readonly judged: number;
  readonly pairs: number;
  /** Sections of the published benchmark of which fewer pairs were judged than it has. */
  readonly incomplete: readonly {
    readonly section: string;
    readonly judged: number;
    readonly published: number;
  }[];
  readonly official: RatedScore;
  /** Verdicts that name the better response, over every order that was judged. */
  readonly accuracy: number;
  /** Of the pairs judged in both orders (`twice`): right in both; naming different responses. */
  readonly twice: number;
  readonly bothOrders: number | null;
  readonly flipRate: number | null;
  /** Verdicts A among A and B, null where neither is named; one half shows no preference for a slot. */
  readonly firstSlot: number | null;
  readonly shares: Readonly<Record<Exclude<VerdictKind, 'A' | 'B'>, number>>;
  /** Accuracy where a verdict that is neither A nor B counts one half, counts wrong, or is left out. */
  readonly conventions: { readonly half: number; readonly wrong: number; readonly dropped: number | null };
  readonly intervals: {
    readonly accuracy: Interval;
    readonly bothOrders: Interval | null;
    /** Of the conventions; `wrong` is the accuracy. */
    readonly half: Interval;
    readonly dropped: Interval | null;
  };
  /** Of the pairs judged in both orders: how many got which verdict with the better response shown first, and which with it
   * shown second. Both right: A.B; both the first slot: A.A. */
  readonly flips: FlipMatrix;
  readonly length: LengthControl;
  readonly style: StyleControl;
}

/** `neither`: a tie, or no verdict at all. */
export const SAID = ['A', 'B', 'neither'] as const;
export type Said = (typeof SAID)[number];
/** By the verdict with the better response shown first, then by the one with it shown second. */
export type FlipMatrix = Readonly<Record<Said, Readonly<Record<Said, number>>>>;

/** Scores verdicts under the benchmark's own protocol. `seed` draws RewardBench's orders and the bootstrap. */
export function scoreBenchmark(
  benchmark: Benchmark,
  games: readonly Game[],
  pairs: readonly BenchmarkPair[],
  seed = 0,
): BenchmarkScore {
  const verdicts = judgedOrders(games);
  const rated = games.map((game) => ({ pair: game.pair, points: benchmark.points(game, seed) }));
  const share = (count: number) => (verdicts.length === 0 ? 0 : count / verdicts.length);
  const count = (kind: VerdictKind) => verdicts.filter(({ verdict }) => verdict === kind).length;
  const right = verdicts.filter(({ result }) => result === 1).length;
  const neither = verdicts.filter(({ result }) => result === 0).length;
  const twice = games.filter((game) => ORDERS.every((order) => game.verdicts[order] !== undefined));
  const flips = flipMatrix(twice);
  const bothOrders = twice.length === 0 ? null : flips.A.B / twice.length;
  const accuracy = clusterBootstrap(byPrompt(verdicts, 0), seed);
  const named = (game: Game, order: Order) => outcome(game.pair, order, game.verdicts[order] as VerdictKind);
  const flipped = twice.filter((game) => named(game, 'ab') * named(game, 'ba') === -1).length;
  return {
    name: benchmark.name,
    title: benchmark.title,
    protocol: benchmark.protocol,
    judged: games.length,
    pairs: pairs.length,
    incomplete: incomplete(benchmark, games, pairs),
    official: ratedScore(
      games.map(({ pair }) => pair),
      officialScore(benchmark, rated),
      seed,
    ),
    accuracy: share(right),
    twice: twice.length,
    bothOrders,
    flipRate: twice.length === 0 ? null : flipped / twice.length,
    firstSlot: count('A') + count('B') === 0 ? null : count('A') / (count('A') + count('B')),
    shares: {
      tie: share(count('tie')),
      invalid: share(count('invalid')),
      truncated: share(count('truncated')),
      refused: share(count('refused')),
      error: share(count('error')),
    },
    conventions: {
      half: share(right + neither / 2),
      wrong: share(right),
      dropped: verdicts.length === neither ? null : right / (verdicts.length - neither),
    },
    intervals: {
      accuracy,
      bothOrders: bothOrders === null ? null : bothInterval(twice, bothOrders, seed),
      // Without any such verdict the conventions are one.
      half: neither === 0 ? accuracy : clusterBootstrap(byPrompt(verdicts, 0.5), seed),
      dropped:
        verdicts.length === neither
          ? null
          : neither === 0
            ? accuracy
            : clusterBootstrap(
                byPrompt(
                  verdicts.filter(({ result }) => result !== 0),
                  0,
                ),
                seed,
              ),
    },
    flips,
    length: lengthControl(games),
    style: styleControl(games),
  };
}

/** Wilson's where every pair has a prompt of its own; else a bootstrap over prompts. */
function bothInterval(twice: readonly Game[], share: number, seed: number): Interval {
  const prompts = [...groupBy(twice, ({ pair }) => pair.prompt).values()];
  if (prompts.length === twice.length) return wilson(share, twice.length);
  const right = ({ pair, verdicts }: Game) =>
    ORDERS.every((order) => outcome(pair, order, verdicts[order] as VerdictKind) === 1);
  return clusterBootstrap(
    prompts.map((own) => [own.filter(right).length, own.length]),
    seed,
  );
}

/** Points and verdicts of each prompt; `neither` is what a verdict that is neither A nor B counts. */
function byPrompt(verdicts: readonly JudgedOrder[], neither: number): [number, number][] {
  const points = ({ result }: JudgedOrder) => (result === 0 ? neither : result === 1 ? 1 : 0);
  return [...groupBy(verdicts, ({ pair }) => pair.prompt).values()].map((own) => [
    own.reduce((sum, one) => sum + points(one), 0),
    own.length,
  ]);
}

function flipMatrix(twice: readonly Game[]): FlipMatrix {
  const row = () => ({ A: 0, B: 0, neither: 0 });
  const matrix = { A: row(), B: row(), neither: row() };
  const said = (verdict: VerdictKind | undefined): Said =>
    verdict === 'A' || verdict === 'B' ? verdict : 'neither';
  for (const { pair, verdicts } of twice) {
    const [shownFirst, shownSecond] =
      pair.gold === 'first' ? [verdicts.ab, verdicts.ba] : [verdicts.ba, verdicts.ab];
    matrix[said(shownFirst)][said(shownSecond)]++;
  }
  return matrix;
}

function incomplete(benchmark: Benchmark, games: readonly Game[], pairs: readonly BenchmarkPair[]) {
  const total = (counts: Readonly<Record<string, number>>) =>
    Object.values(counts).reduce((a, b) => a + b, 0);
  const version =
    benchmark.counts.find((counts) => total(counts) === pairs.length) ?? benchmark.counts[0] ?? {};
  const judged = groupBy(games, ({ pair }) => pair.section);
  return Object.entries(version)
    .map(([section, published]) => ({ section, judged: judged.get(section)?.length ?? 0, published }))
    .filter(({ judged: own, published }) => own < published);
}
