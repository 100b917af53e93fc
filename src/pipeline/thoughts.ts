import type { Resolved } from '../config.ts';
import type { Json } from '../key.ts';
import type { Model } from '../model.ts';
import { batches } from '../sampling/batches.ts';
import { conduct } from '../sampling/conduct.ts';
import { requirePrefill } from '../sampling/prefill.ts';
import { requestsPerPair, thoughtsOf } from '../thoughts/thoughts.ts';
import type { ResponsePair } from '../types.ts';
import { guidanceOf } from './guided.ts';
import type { Ports, StageWork, ThoughtsStage } from './stage.ts';
import { withModels } from './with-models.ts';

/** Thoughts of pairs that are begun and not yet stored. A pair waits for its slowest of 40, by when the others have long ended: two
 * fifths of these are asked for at any time, 320 for each of 64 replicas that batch 256. */
const WINDOW = 49_152;
/** Pairs, however few thoughts they have. */
const MOST_PAIRS = 4096;

/** Plans of each pair, then executions of each in both orders. */
export async function runThoughts(
  { round, by, set, form }: ThoughtsStage,
  config: Resolved,
  { store, models, prompts }: Ports,
  work: StageWork,
): Promise<Json> {
  const { plans, executions, temperature, topP, maxPlanTokens, maxThoughtTokens } = config.thoughts;
  const total = store.counts().pairs[set] ?? 0;
  const guidance = guidanceOf(by, config);
  const requests = requestsPerPair({ form, plans, executions, ...guidance }, prompts);
  work.units(0, total, requests);
  const left = { plans: 0, executions: 0 };
  const planned = round === 1 && config.models.planner !== undefined;
  await withModels(models, [by, ...(planned ? ['planner'] : [])], async (...opened) => {
    const [judge, planner] = opened as [Model, Model?];
    if (round > 1 && form === 'planned') requirePrefill(judge, `round ${round}`);
    const options = {
      round,
      prompts,
      form,
      ...guidance,
      plans,
      executions,
      model: judge.revision,
      planner: (planner ?? judge).revision,
      seed: config.seed,
      plan: { temperature, topP, maxTokens: maxPlanTokens },
      execution: { temperature, topP, maxTokens: maxThoughtTokens },
    };
    const made = conduct(store.pairs({ split: set }), (pair: ResponsePair) => thoughtsOf(pair, options), {
      judge,
      planner,
      store,
      complete: true,
      signal: work.signal,
      onGenerations: work.onGenerations,
      window: Math.max(16, Math.min(MOST_PAIRS, Math.floor(WINDOW / (plans * executions * 2)))),
      inputOrder: false,
    });
    let done = 0;
    for await (const batch of batches(made)) {
      store.putPlans(batch.flatMap((one) => one.plans));
      store.putThoughts(batch.flatMap((one) => one.thoughts));
      for (const one of batch) {
        left.plans += one.left.plans;
        left.executions += one.left.executions;
      }
      done += batch.length;
      work.units(done, total, requests);
    }
  });
  work.leave(left.executions);
  const { total: thoughts, correct } = store.counts().thoughts[round] ?? { total: 0, correct: 0 };
  return { thoughts, correct, left };
}
