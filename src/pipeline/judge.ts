import type { Resolved } from '../config.ts';
import { evaluate } from '../judging/evaluate.ts';
import type { Json } from '../key.ts';
import type { VerdictRecord } from '../metrics.ts';
import type { JudgedForm } from '../prompts/judge-prompt.ts';
import { batches } from '../sampling/batches.ts';
import { conduct } from '../sampling/conduct.ts';
import { MEASURED, requestsPerPair } from '../thoughts/thoughts.ts';
import { ORDERS } from '../types.ts';
import { askedAs } from './asked-as.ts';
import type { JudgeStage, Ports, StageWork } from './stage.ts';
import { withModels } from './with-models.ts';

/** A verdict and nothing else. */
const DIRECT_TOKENS = 4;

/** How much a judge may write of a pair. */
export function tokensOf(form: JudgedForm, { thoughts }: Resolved) {
  const { maxThoughtTokens, maxPlanTokens } = thoughts;
  return { maxTokens: form === 'direct' ? DIRECT_TOKENS : maxThoughtTokens, maxPlanTokens };
}

/** A judge on the held-out pairs. */
export async function runJudge(
  stage: JudgeStage,
  config: Resolved,
  ports: Ports,
  work: StageWork,
): Promise<Json> {
  const { judge, set } = stage;
  const form = askedAs(stage, config, ports.store);
  const total = ports.store.counts().pairs[set] ?? 0;
  const requests = form === 'guided' ? requestsPerPair(MEASURED, ports.prompts) : ORDERS.length;
  work.units(0, total, requests);
  // Led or not, it is M0.
  const model = form === 'guided' ? 'M0' : judge;
  const verdicts = await judged(model, { stage: judge, split: set, form }, config, ports, {
    signal: work.signal,
    onGenerations: work.onGenerations,
    onDone: (done) => work.units(done, total, requests),
  });
  work.leave(verdicts.filter(({ verdict }) => verdict === 'error').length);
  return { pairs: verdicts.length / 2 };
}

interface Judging {
  readonly signal: AbortSignal | undefined;
  readonly onGenerations?: StageWork['onGenerations'];
  /** Pairs that are judged. */
  readonly onDone?: (done: number) => void;
}

/** Both orders of every pair of a split, by the model of that name, stored under the stage's. */
export async function judged(
  name: string,
  { stage, split, form }: { readonly stage: string; readonly split: string; readonly form: JudgedForm },
  config: Resolved,
  { store, models, prompts }: Ports,
  { signal, onGenerations = () => {}, onDone = () => {} }: Judging,
): Promise<VerdictRecord[]> {
  const verdicts: VerdictRecord[] = [];
  await withModels(models, [name], async (model) => {
    const options = { stage, split, form, prompts, model: model.revision, ...tokensOf(form, config) };
    const made = conduct(store.pairs({ split }), (pair) => evaluate(pair, options), {
      judge: model,
      store,
      complete: true,
      signal,
      onGenerations,
      inputOrder: false,
    });
    for await (const batch of batches(made)) {
      const rows = batch.flat();
      store.putEvaluations(rows);
      for (const { pairId, order, verdict } of rows) verdicts.push({ pairId, order, verdict });
      onDone(verdicts.length / 2);
    }
  });
  return verdicts;
}
