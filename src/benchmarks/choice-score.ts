import { groupBy, mean } from './benchmark.ts';
import {
  type BenchmarkChoice,
  type ChoiceBenchmark,
  type ChoiceGame,
  choicePoints,
  type NoChoice,
  type Way,
} from './choice.ts';
import { choiceControl } from './choice-control.ts';
import type { LengthControl } from './length.ts';
import { type RatedScore, ratedScore } from './resample.ts';
import type { StyleControl } from './style.ts';

/** A judge's result on a benchmark of choices. Fractions from 0 to 1. */
export interface ChoiceScore {
  readonly name: string;
  readonly title: string;
  readonly way: Way;
  readonly protocol: string;
  /** Choices with a verdict, and all that were loaded. */
  readonly judged: number;
  readonly choices: number;
  /** Sections of the published benchmark of which fewer choices were judged than it has. */
  readonly incomplete: readonly {
    readonly section: string;
    readonly judged: number;
    readonly published: number;
  }[];
  readonly official: RatedScore;
  /** What naming a response at random would score on the choices whose points count, which is not so of Ties; null without any. */
  readonly chance: number | null;
  /** Of the verdicts that name a slot, the share of each one; null where none was named. */
  readonly slots: readonly number[] | null;
  /** Of all choices, those without a verdict. */
  readonly shares: Readonly<Record<NoChoice, number>>;
  /** Where a choice without any verdict counts what a guess would (as officially), counts wrong, or is left out. */
  readonly conventions: {
    readonly guess: number | null;
    readonly wrong: number | null;
    readonly dropped: number | null;
  };
  /** Of the responses that were rated: without a rating. Of the choices: whose highest rating several share. */
  readonly unrated: number | null;
  readonly sharedTop: number | null;
  /** How much the named responses follow length, and style; null where only ratings count. */
  readonly length: LengthControl | null;
  readonly style: StyleControl | null;
}

/** Scores verdicts under the benchmark's own protocol. `seed` draws the bootstrap. */
export function scoreChoices(
  benchmark: ChoiceBenchmark,
  games: readonly ChoiceGame[],
  choices: readonly BenchmarkChoice[],
  way: Way,
  seed = 0,
): ChoiceScore {
  const plain = games.filter(({ choice }) => !choice.ratingsOnly);
  const points = (convention: (guess: number) => number | null) =>
    plain.flatMap((game) => (empty(game) ? (convention(choicePoints(game)) ?? []) : choicePoints(game)));
  const meanPoints = (convention: (guess: number) => number | null) => meanOrNull(points(convention));
  const control = choiceControl(games);
  const named = games.flatMap(({ verdict }) =>
    'named' in verdict && verdict.shown ? [verdict.shown.indexOf(verdict.named)] : [],
  );
  const ratings = games.flatMap(({ verdict }) => ('ratings' in verdict ? [verdict.ratings] : []));
  const cells = ratings.flat();
  const none = (kind: NoChoice) =>
    share(games, ({ verdict }) => 'none' in verdict && verdict.none === kind) ?? 0;
  return {
    name: benchmark.name,
    title: benchmark.title,
    way,
    protocol: benchmark.protocol[way],
    judged: games.length,
    choices: choices.length,
    incomplete: incomplete(benchmark, games),
    official: ratedScore(
      games.map(({ choice }) => choice),
      (places) => benchmark.aggregate(places.map((place) => games[place] as ChoiceGame)),
      seed,
    ),
    chance: meanOrNull(plain.map(({ choice }) => choice.right / choice.responses.length)),
    slots:
      named.length === 0
        ? null
        : Array.from({ length: Math.max(...plain.map(({ choice }) => choice.responses.length)) }, (_, slot) =>
            mean(named.map((own) => (own === slot ? 1 : 0))),
          ),
    shares: {
      tie: none('tie'),
      invalid: none('invalid'),
      truncated: none('truncated'),
      refused: none('refused'),
      error: none('error'),
    },
    conventions: {
      guess: meanPoints((guess) => guess),
      wrong: meanPoints(() => 0),
      dropped: meanPoints(() => null),
    },
    unrated: share(cells, (rating) => rating === null),
    sharedTop: share(ratings, (own) => {
      const best = Math.max(...own.map((rating) => rating ?? Number.NEGATIVE_INFINITY));
      return own.filter((rating) => rating === best).length > 1;
    }),
    length: control?.length ?? null,
    style: control?.style ?? null,
  };
}

/** Nothing was said at all. */
const empty = ({ verdict }: ChoiceGame) =>
  'none' in verdict || ('ratings' in verdict && verdict.ratings.every((rating) => rating === null));

const meanOrNull = (values: readonly number[]) => (values.length === 0 ? null : mean(values));

const share = <T>(all: readonly T[], matches: (item: T) => boolean) =>
  all.length === 0 ? null : all.filter(matches).length / all.length;

function incomplete({ counts: [published = {}] }: ChoiceBenchmark, games: readonly ChoiceGame[]) {
  const judged = groupBy(games, ({ choice }) => choice.section);
  return Object.entries(published)
    .map(([section, count]) => ({ section, judged: judged.get(section)?.length ?? 0, published: count }))
    .filter(({ judged: own, published: all }) => own < all);
}
