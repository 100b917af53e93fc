import { conductBy, type JudgeAllOptions } from '../judging/judge.ts';
import { judgePair } from '../judging/judge-pair.ts';
import type { OrderJudgment } from '../judging/judgment.ts';
import { settings } from '../judging/settings.ts';
import type { Model } from '../model.ts';
import { conduct } from '../sampling/conduct.ts';
import type { Task } from '../sampling/task.ts';
import type { Order, VerdictKind } from '../types.ts';
import type { Benchmark, BenchmarkPair, Game } from './benchmark.ts';
import { type Meter, metered } from './effort.ts';

export interface PlayOptions extends Omit<JudgeAllOptions, 'orders' | 'inputOrder'> {
  /** `official` (default): those that the benchmark's protocol plays; `both`: each pair in both. */
  readonly orders?: 'official' | 'both';
  /** Is told of every answer that a verdict rests on. */
  readonly meter?: Meter;
}

/** Has a model judge the pairs of a benchmark; games come as they are done. */
export async function* play(
  model: Model,
  benchmark: Benchmark,
  pairs: Iterable<BenchmarkPair>,
  { orders = 'official', seed = 0, meter, ...options }: PlayOptions = {},
): AsyncGenerator<Game, void, undefined> {
  const s = settings(model, { ...options, seed });
  function* task(pair: BenchmarkPair): Task<Game> {
    const own = orders === 'both' ? s.orders : benchmark.orders(pair, seed);
    const responses = [pair.first, pair.second] as const;
    const judged = judgePair({ instruction: pair.instruction, responses }, { ...s, orders: own });
    const judgment = yield* meter ? metered(judged, meter) : judged;
    return {
      pair,
      verdicts: Object.fromEntries(judgment.orders.map((said) => [said.order, verdictOf(said)])),
    };
  }
  yield* conduct(pairs, task, { ...conductBy(model, options), inputOrder: false });
}

/** The verdict of an order's votes, as it names the slots: their majority, or where none is, what the first one says beside A
 * and B. */
export function verdictOf({ order, winner, votes }: OrderJudgment): VerdictKind {
  if (winner === 'tie') return 'tie';
  if (winner !== null) return (winner === 'A') === (order === 'ab') ? 'A' : 'B';
  const neither = votes.find(({ verdict }) => verdict !== 'A' && verdict !== 'B');
  return neither?.verdict ?? 'invalid';
}

/** A game as rows {id, order, verdict}, which joinVerdicts reads. */
export function verdictRows({ pair, verdicts }: Game): { id: string; order: Order; verdict: VerdictKind }[] {
  return (Object.entries(verdicts) as [Order, VerdictKind][]).map(([order, verdict]) => ({
    id: pair.id,
    order,
    verdict,
  }));
}
