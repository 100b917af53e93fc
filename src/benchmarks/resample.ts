import { type Interval, wilson } from '../metrics.ts';
import { random, seedOf } from '../random.ts';
import { groupBy, type Score } from './benchmark.ts';

const RESAMPLES = 1000;

/** A score with its 95 % interval, as all of its parts have. */
export interface RatedScore extends Score {
  readonly interval: Interval;
  readonly parts?: readonly RatedScore[];
}

/** What is drawn, a pair or a choice: by its prompt, within its section and subset. */
export interface Drawable {
  readonly prompt: string;
  readonly section: string;
  readonly subset: string;
}

/** Draws of prompts with replacement, as places in the list of pairs; within each section and subset, so that no part is ever
 * empty. A prompt whose pairs lie in several subsets is drawn within its section. */
export function* resamples(pairs: readonly Drawable[], seed: number): Generator<number[]> {
  const places = pairs.map((pair, place) => ({ pair, place }));
  const prompts = [...groupBy(places, ({ pair }) => `${pair.section}\n${pair.prompt}`).values()];
  const stratum = (own: typeof places) => {
    const { pair } = own[0] as (typeof places)[number];
    const single = own.every((other) => other.pair.subset === pair.subset);
    return `${pair.section}\n${single ? pair.subset : ''}`;
  };
  const strata = [...groupBy(prompts, stratum).values()].map((own) =>
    own.map((prompt) => prompt.map(({ place }) => place)),
  );
  const next = random(seedOf('official bootstrap', seed));
  for (let draw = 0; draw < RESAMPLES; draw++) {
    const drawn: number[] = [];
    for (const own of strata)
      for (let i = 0; i < own.length; i++)
        for (const place of own[Math.floor(next() * own.length)] as number[]) drawn.push(place);
    yield drawn;
  }
}

/** The score of these pairs or choices, and the percentile bootstrap over prompts of it and of every part. */
export function ratedScore(
  units: readonly Drawable[],
  scoreOf: (places: readonly number[]) => Score,
  seed: number,
): RatedScore {
  const score = scoreOf([...units.keys()]);
  const draws = new Map<string, number[]>();
  const note = (own: Score, path: string) => {
    const list = draws.get(path);
    if (list) list.push(own.score);
    else draws.set(path, [own.score]);
    for (const part of own.parts ?? []) note(part, `${path}\n${part.name}`);
  };
  if (units.length > 0) for (const places of resamples(units, seed)) note(scoreOf(places), '');
  const prompts = new Set(units.map(({ prompt }) => prompt)).size;
  const withInterval = (own: Score, path: string): RatedScore => {
    const { parts, ...rest } = own;
    const found = percentiles(draws.get(path) ?? []);
    // Where no prompt differs from another, resampling shows no spread.
    const flat = found === null || found[0] === found[1];
    const n = Math.max(1, Math.round((own.pairs * prompts) / Math.max(1, units.length)));
    return {
      ...rest,
      // The formula of Ties ends a little above 1.
      interval: units.length === 0 ? [0, 1] : flat ? wilson(Math.min(1, own.score), n) : found,
      ...(parts ? { parts: parts.map((part) => withInterval(part, `${path}\n${part.name}`)) } : {}),
    };
  };
  return withInterval(score, '');
}

/** The middle 95 % of what was drawn; null for nothing. */
export function percentiles(values: readonly number[]): Interval | null {
  if (values.length === 0) return null;
  const sorted = Float64Array.from(values).sort();
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.max(0, share))] as number;
  return [at(Math.floor(0.025 * sorted.length)), at(Math.ceil(0.975 * sorted.length) - 1)];
}
