import type { Resolved } from '../config.ts';
import type { Json } from '../key.ts';
import { conduct } from '../sampling/conduct.ts';
import { thoughtsOf } from '../thoughts/thoughts.ts';
import type { ResponsePair } from '../types.ts';
import { batches } from './batches.ts';
import type { Ports, StageWork, ThoughtsStage } from './stage.ts';

/** Pairs begun and not yet stored: with the published 40 thoughts each, as many as keep replicas busy and fit into memory. */
const WINDOW = 256;

/** Plans of each pair, then executions of each in both orders. */
export async function runThoughts(
  { round, by, set, form }: ThoughtsStage,
  config: Resolved,
  { store, models, prompts }: Ports,
  work: StageWork,
): Promise<Json> {
  const { plans, executions, temperature, topP, maxPlanTokens, maxThoughtTokens } = config.thoughts;
  const total = store.counts().pairs[set] ?? 0;
  work.progress(0, total);
  const left = { plans: 0, executions: 0 };
  const opened = new AsyncDisposableStack();
  const open = async (name: string) => opened.adopt(await models.open(name), (model) => model.close());
  try {
    const judge = await open(by);
    const planner = round === 1 && config.models.planner !== undefined ? await open('planner') : null;
    const options = {
      round,
      prompts,
      form,
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
      planner: planner ?? undefined,
      store,
      complete: true,
      signal: work.signal,
      onGenerations: work.onGenerations,
      window: WINDOW,
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
      work.progress(done, total);
    }
  } finally {
    await opened.disposeAsync();
  }
  work.leave(left.executions);
  const { total: thoughts, correct } = store.counts().thoughts[round] ?? { total: 0, correct: 0 };
  return { thoughts, correct, left };
}
