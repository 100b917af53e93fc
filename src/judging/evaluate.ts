import type { Sampling } from '../model.ts';
import { goldVerdict, type JudgeForm, judgePrompt, judgeTemplate } from '../prompts/judge-prompt.ts';
import type { PromptSet } from '../prompts/set.ts';
import { requestOf } from '../sampling/request.ts';
import { type Answer, asks, type Task } from '../sampling/task.ts';
import type { Evaluation } from '../store.ts';
import { ORDERS, type ResponsePair } from '../types.ts';
import { parseVerdict } from '../verdict/verdict.ts';

export interface EvaluateOptions {
  /** The judge's name in the ledger. */
  readonly stage: string;
  readonly split: string;
  readonly form: JudgeForm;
  readonly prompts: PromptSet;
  /** Revision of the model. */
  readonly model: string;
  readonly maxTokens: number;
}

/** What a judge says of a pair whose better response is known: greedily, in both orders. */
export function* evaluate(
  pair: ResponsePair,
  { stage, split, form, prompts, model, maxTokens }: EvaluateOptions,
): Task<Evaluation[]> {
  const template = judgeTemplate(prompts, form);
  const sampling: Sampling = { temperature: 0, topP: 1, maxTokens };
  const requests = ORDERS.map((order) => {
    const text = judgePrompt(prompts, form, pair, order);
    return requestOf({ template, text, model, seed: 0, sampling });
  });
  const answers = yield asks(requests);
  return ORDERS.map((order, i): Evaluation => {
    const { generation } = answers.get(requests[i]?.key as string) as Answer;
    const { text, finishReason } = generation;
    const { kind: verdict } = parseVerdict(text, { finishReason });
    const thought = form === 'planned' ? prompts.parseThought(text) : null;
    return {
      stage,
      split,
      pairId: pair.id,
      order,
      verdict,
      correct: verdict === goldVerdict(order),
      text,
      plan: thought?.plan ?? null,
      execution: thought?.execution ?? (form === 'direct' ? null : prompts.parseExecution(text)),
    };
  });
}
