import { key } from '../key.ts';
import type { GenerateRequest, Model } from '../model.ts';
import { goldVerdict, type JudgeForm, judgePrompt, judgeTemplate } from '../prompts/judge-prompt.ts';
import type { PromptSet } from '../prompts/set.ts';
import { generate, type Work } from '../sampling/record.ts';
import type { Evaluation } from '../store.ts';
import { ORDERS, type ResponsePair } from '../types.ts';
import { parseVerdict } from '../verdict/verdict.ts';

export interface EvaluateOptions {
  /** The judge's name in the ledger. */
  readonly stage: string;
  readonly split: string;
  readonly form: JudgeForm;
  readonly maxTokens: number;
}

/** Judge every pair in both orders, greedily, and store the verdicts. */
export async function evaluate(
  work: Work,
  model: Model,
  prompts: PromptSet,
  pairs: readonly ResponsePair[],
  { stage, split, form, maxTokens }: EvaluateOptions,
): Promise<Evaluation[]> {
  const template = judgeTemplate(prompts, form);
  const sampling = { temperature: 0, topP: 1, maxTokens };
  const units = pairs.flatMap((pair) =>
    ORDERS.map((order) => {
      const parts = { prompt: template.name, version: template.version, model: model.revision, ...sampling };
      const request: GenerateRequest = {
        key: key({ ...parts, judged: pair.id, order }),
        prompt: judgePrompt(prompts, form, pair, order),
        seed: 0,
        ...sampling,
      };
      return { pair, order, request };
    }),
  );
  await generate(
    work,
    model,
    units.map(({ request }) => request),
  );
  const evaluations = units.flatMap(({ pair, order, request }): Evaluation[] => {
    const generation = work.store.generation(request.key);
    if (!generation) return [];
    const { text, finishReason } = generation;
    const { kind: verdict } = parseVerdict(text, { finishReason });
    return [{ stage, split, pairId: pair.id, order, verdict, correct: verdict === goldVerdict(order), text }];
  });
  work.store.putEvaluations(evaluations);
  return evaluations;
}
