import { RowFields } from '../rows/fields.ts';
import { quoted } from '../rows/json.ts';
import type { SourceRow } from '../rows/row.ts';
import { ORDERS, type Order, type VerdictKind } from '../types.ts';
import { type BenchmarkPair, type Game, groupBy } from './benchmark.ts';

const VERDICTS: readonly VerdictKind[] = ['A', 'B', 'tie', 'invalid', 'truncated', 'refused', 'error'];

/** What was joined, and what was left over on either side. */
export interface Joined {
  readonly games: readonly Game[];
  /** Pairs without any verdict. */
  readonly unjudged: readonly BenchmarkPair[];
}

/** Joins verdicts made elsewhere, rows {id, order, verdict}, with the pairs they are about. Where several pairs carry one id
 * (RewardBench has two of id 3692), its n-th verdict of an order belongs to its n-th pair, of the subset
 * that the row names if it does.
 * Errors name the row: an unknown id, a second verdict for one order, a word that is no order or verdict. */
export function joinVerdicts(pairs: readonly BenchmarkPair[], rows: Iterable<SourceRow>): Joined {
  const byId = groupBy(pairs, ({ id }) => id);
  const verdicts = new Map<BenchmarkPair, Partial<Record<Order, VerdictKind>>>();
  for (const row of rows) {
    const fields = new RowFields(row, 'give rows {id, order, verdict}');
    const id = fields.id('id');
    const order = fields.text('order');
    const verdict = fields.text('verdict');
    if (!isOneOf(ORDERS, order))
      throw fields.error(
        `has the order ${quoted(order)}`,
        'write "ab", or "ba" where the second response was shown first',
      );
    if (!isOneOf(VERDICTS, verdict))
      throw fields.error(
        `has the verdict ${quoted(verdict)}`,
        `write one of ${VERDICTS.join(', ')}; A is the slot shown first`,
      );
    const subset = fields.has('subset') ? fields.text('subset') : undefined;
    const all = byId.get(id);
    const own = subset === undefined ? all : all?.filter((pair) => pair.subset === subset);
    if (own === undefined || own.length === 0)
      throw fields.error(
        `is about ${id}${subset === undefined ? '' : ` of ${subset}`}, which the benchmark does not have`,
        'check that the verdicts are of this benchmark and version',
      );
    const pair = own.find((candidate) => verdicts.get(candidate)?.[order] === undefined);
    if (pair === undefined)
      throw fields.error(
        `is a second verdict of ${id} in order ${order}`,
        'keep one verdict for each pair and order',
      );
    verdicts.set(pair, { ...verdicts.get(pair), [order]: verdict });
  }
  return {
    games: pairs.flatMap((pair) => {
      const own = verdicts.get(pair);
      return own === undefined ? [] : [{ pair, verdicts: own }];
    }),
    unjudged: pairs.filter((pair) => !verdicts.has(pair)),
  };
}

function isOneOf<T extends string>(list: readonly T[], text: string): text is T {
  return (list as readonly string[]).includes(text);
}
