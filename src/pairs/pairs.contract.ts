import type { Model } from '../model.ts';
import { conduct } from '../sampling/conduct.ts';
import type { Task } from '../sampling/task.ts';
import type { Generations } from '../store.ts';
import { countDrop, newPairReport, type PairReport } from './pair.ts';

/** What tasks that make pairs come to, added up. */
export async function pairsOf(
  tasks: readonly Task<PairReport>[],
  model: Model,
  store: Generations,
): Promise<PairReport> {
  const all = newPairReport();
  for await (const { pairs, dropped } of conduct(tasks, (task) => task, { judge: model, store })) {
    all.pairs.push(...pairs);
    for (const [reason, n] of Object.entries(dropped)) countDrop(all, reason, n);
  }
  return all;
}
