import type { SourceRow } from '../rows/row.ts';
import type { VerdictKind } from '../types.ts';
import { groupBy, mean, type Published, type Score } from './benchmark.ts';

/** One prompt with several responses, of which the first `right` ones are right. */
export interface BenchmarkChoice {
  readonly id: string;
  /** Choices of one prompt are resampled together. */
  readonly prompt: string;
  readonly section: string;
  readonly subset: string;
  readonly instruction: string;
  readonly responses: readonly string[];
  /** From 1 to one less than there are responses. */
  readonly right: number;
  /** It can only be judged by ratings: more than one response is right, and how far they lie apart counts. */
  readonly ratingsOnly: boolean;
}

/** How a judge decides between n responses: it names one of n slots; rates each by itself; or compares two at a time. Scores of
 * different ways are different figures. */
export const WAYS = ['best-of-n', 'ratings', 'knockout', 'round-robin'] as const;
export type Way = (typeof WAYS)[number];

/** Why no response was named. */
export type NoChoice = Exclude<VerdictKind, 'A' | 'B'>;

/** What a judge said of one choice: the index of the response it names, and where all were
 * shown at once the responses' indices by slot; or its rating
 * of each response, null where it gave none. */
export type ChoiceVerdict =
  | { readonly named: number; readonly shown?: readonly number[] }
  | { readonly none: NoChoice }
  | { readonly ratings: readonly (number | null)[] };

export interface ChoiceGame {
  readonly choice: BenchmarkChoice;
  readonly verdict: ChoiceVerdict;
}

/** A benchmark whose unit is a choice of one among n responses. */
export interface ChoiceBenchmark {
  readonly name: string;
  readonly title: string;
  /** How the official score comes about, by the way of judging. */
  readonly protocol: Readonly<Record<Way, string>>;
  readonly files: readonly RegExp[];
  /** Its datasets on the hub, as parseHubId reads them; none where it has none with rows. */
  readonly hub: readonly string[];
  /** The published number of choices by section. */
  readonly counts: readonly Readonly<Record<string, number>>[];
  load(rows: Iterable<SourceRow>): BenchmarkChoice[];
  /** The official score; parts that nothing was judged of are left out of it. */
  aggregate(games: readonly ChoiceGame[]): Score;
  readonly published: readonly Published[];
}

/** The responses between which a judge leaves it: the named one; by ratings those with the highest; all of them without a
 * verdict, as for a guess. */
export function namedResponses({ choice: { responses }, verdict }: ChoiceGame): number[] {
  if ('named' in verdict) return [verdict.named];
  const ratings = 'ratings' in verdict ? verdict.ratings : [];
  const best = Math.max(...ratings.filter((rating) => rating !== null));
  const top = ratings.flatMap((rating, i) => (rating === best ? [i] : []));
  return top.length > 0 ? top : [...responses.keys()];
}

/** The points of one choice, 0 to 1: the share of right ones among the responses that are named, so 1/k where k share the highest
 * rating and one of them is right. */
export function choicePoints(game: ChoiceGame): number {
  const named = namedResponses(game);
  return named.filter((i) => i < game.choice.right).length / named.length;
}

/** The mean of the points of all choices, and of each section. */
export function bySubset(games: readonly ChoiceGame[]): Score {
  const score = (name: string, own: readonly ChoiceGame[]): Score => ({
    name,
    score: mean(own.map(choicePoints)),
    pairs: own.length,
  });
  const sections = groupBy(games, ({ choice }) => choice.section);
  return { ...score('overall', games), parts: [...sections].map(([name, own]) => score(name, own)) };
}
