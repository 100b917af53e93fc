import type { SourceRow } from '../rows/row.ts';
import { ORDERS, type Order, type VerdictKind } from '../types.ts';

/** Two responses to one prompt, of which one is better. */
export interface BenchmarkPair {
  readonly id: string;
  /** Pairs of one prompt share its difficulty: they are resampled together. */
  readonly prompt: string;
  readonly section: string;
  readonly subset: string;
  readonly instruction: string;
  readonly first: string;
  readonly second: string;
  readonly gold: 'first' | 'second';
}

/** One pair with what the judge said of it. `ab` shows the first response first; verdicts name the slot as shown. */
export interface Game {
  readonly pair: BenchmarkPair;
  readonly verdicts: Readonly<Partial<Record<Order, VerdictKind>>>;
}

/** A pair and its points. */
export interface Rated {
  readonly pair: BenchmarkPair;
  readonly points: number;
}

/** The pairs of one section and subset, as far as a score is made of them: how many, and their points together. */
export interface Cell {
  readonly section: string;
  readonly subset: string;
  readonly pairs: number;
  readonly points: number;
}

/** A score from 0 to 1 and what it is made of. */
export interface Score {
  readonly name: string;
  readonly score: number;
  readonly pairs: number;
  readonly parts?: readonly Score[];
}

/** A published result, shown for context beside its own protocol. */
export interface Published {
  readonly judge: string;
  /** Fractions by part's name; `overall` among them. */
  readonly scores: Readonly<Record<string, number>>;
  readonly protocol: string;
  readonly source: string;
}

/** Results of one table of which only the whole is given. */
export function publishedOveralls(
  protocol: string,
  source: string,
  results: readonly (readonly [judge: string, overall: number])[],
): Published[] {
  return results.map(([judge, overall]) => ({ judge, scores: { overall }, protocol, source }));
}

export interface Benchmark {
  readonly name: string;
  readonly title: string;
  /** How the official score comes about, in a sentence. */
  readonly protocol: string;
  /** What its files are called in a data folder, without their extension; of several versions the first one found. */
  readonly files: readonly RegExp[];
  /** Its datasets on the hub, as parseHubId reads them; none where it has none with rows. */
  readonly hub: readonly string[];
  /** The published number of pairs by section, of each version that there is. */
  readonly counts: readonly Readonly<Record<string, number>>[];
  load(rows: Iterable<SourceRow>): BenchmarkPair[];
  /** The orders that the official protocol plays for a pair; `seed` draws where it draws. */
  orders(pair: BenchmarkPair, seed: number): readonly Order[];
  /** The points of one pair, 0 to 1, under the official protocol; `seed` as for orders. */
  points(game: Game, seed: number): number;
  /** The official score made of the pairs' points. */
  aggregate(cells: readonly Cell[]): Score;
  readonly published: readonly Published[];
}

/** 1: the verdict names the better response; −1: the other one; 0: neither. */
export function outcome(pair: BenchmarkPair, order: Order, verdict: VerdictKind): 1 | 0 | -1 {
  if (verdict !== 'A' && verdict !== 'B') return 0;
  const named = (verdict === 'A') === (order === 'ab') ? 'first' : 'second';
  return named === pair.gold ? 1 : -1;
}

/** One verdict of a game. */
export interface JudgedOrder {
  readonly pair: BenchmarkPair;
  readonly order: Order;
  readonly verdict: VerdictKind;
  readonly result: 1 | 0 | -1;
}

export function judgedOrders(games: readonly Game[]): JudgedOrder[] {
  return games.flatMap(({ pair, verdicts }) =>
    ORDERS.flatMap((order) => {
      const verdict = verdicts[order];
      return verdict === undefined ? [] : [{ pair, order, verdict, result: outcome(pair, order, verdict) }];
    }),
  );
}

/** The share of the played orders whose verdict names the better response; ties and no verdict do not. */
export function rightShare({ pair, verdicts }: Game): number {
  const played = ORDERS.filter((order) => verdicts[order] !== undefined);
  return mean(played.map((order) => (outcome(pair, order, verdicts[order] as VerdictKind) === 1 ? 1 : 0)));
}

/** The official score of pairs by their places in a list; one that is drawn several times counts as often. A bootstrap asks for it
 * a thousand times. */
export function officialScore(
  { aggregate }: Benchmark,
  rated: readonly Rated[],
): (places: readonly number[]) => Score {
  const names = rated.map(({ pair }) => `${pair.section}\n${pair.subset}`);
  const cells = [...new Map(rated.map(({ pair }, place) => [names[place] as string, pair]))];
  const index = new Map(cells.map(([name], cell) => [name, cell]));
  const cellOf = Int32Array.from(names, (name) => index.get(name) as number);
  const pointsOf = Float64Array.from(rated, ({ points }) => points);
  return (places) => {
    const [pairs, points] = [new Float64Array(cells.length), new Float64Array(cells.length)];
    for (const place of places) {
      const cell = cellOf[place] as number;
      (pairs[cell] as number)++;
      (points[cell] as number) += pointsOf[place] as number;
    }
    return aggregate(
      cells.flatMap(([, { section, subset }], cell) =>
        pairs[cell] === 0
          ? []
          : [{ section, subset, pairs: pairs[cell] as number, points: points[cell] as number }],
      ),
    );
  };
}

/** The mean of the points of all pairs, and of each section. */
export function bySection(cells: readonly Cell[]): Score {
  const sections = groupBy(cells, ({ section }) => section);
  return { ...meanScore('overall', cells), parts: [...sections].map(([name, own]) => meanScore(name, own)) };
}

export function meanScore(name: string, cells: readonly Cell[]): Score {
  const pairs = cells.reduce((sum, cell) => sum + cell.pairs, 0);
  return { name, score: cells.reduce((sum, { points }) => sum + points, 0) / pairs, pairs };
}

/** The plain mean of a part's values; NaN for none. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

export function groupBy<T>(items: Iterable<T>, keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
