import type { Sampling } from '../model.ts';
import { goldVerdict, type JudgedForm, judgePrompt, judgeTemplate, shown } from '../prompts/judge-prompt.ts';
import type { PromptSet } from '../prompts/set.ts';
import { render } from '../prompts/template.ts';
import { requestOf } from '../sampling/request.ts';
import { type Answer, asks, type Task } from '../sampling/task.ts';
import type { Evaluation } from '../store.ts';
import { MEASURED, thoughtsOf } from '../thoughts/thoughts.ts';
import { ORDERS, type Order, type ResponsePair } from '../types.ts';
import { parseVerdict } from '../verdict/verdict.ts';

export interface EvaluateOptions {
  /** The judge's name in the ledger. */
  readonly stage: string;
  readonly split: string;
  readonly form: JudgedForm;
  readonly prompts: PromptSet;
  /** Revision of the model. */
  readonly model: string;
  readonly maxTokens: number;
  /** Of a plan that is asked for by itself; `maxTokens` when absent. */
  readonly maxPlanTokens?: number;
  /** Both when absent. */
  readonly orders?: readonly Order[];
}

/** What a judge says of a pair whose better response is known: greedily, in both orders. */
export function* evaluate(pair: ResponsePair, options: EvaluateOptions): Task<Evaluation[]> {
  const { stage, split, form, prompts, model, maxTokens, orders = ORDERS } = options;
  if (form === 'guided') return yield* guidedEvaluation(pair, options);
  const sampling: Sampling = { temperature: 0, topP: 1, maxTokens };
  const row = { stage, split, pairId: pair.id };
  const plan = form === 'two-call' ? yield* planOf(pair, options) : null;
  if (plan?.text === null)
    return orders.map((order) => ({
      ...row,
      order,
      verdict: plan.verdict,
      correct: false,
      text: plan.said,
      plan: null,
      execution: null,
    }));
  const requests = orders.map((order) => {
    const asked =
      form === 'two-call'
        ? {
            template: prompts.execute,
            text: render(prompts.execute, { ...shown(pair, order), plan: plan?.text ?? '' }),
          }
        : { template: judgeTemplate(prompts, form), text: judgePrompt(prompts, form, pair, order) };
    return requestOf({ ...asked, model, seed: 0, sampling });
  });
  const answers = yield asks(requests);
  return orders.map((order, i): Evaluation => {
    const { generation } = answers.get(requests[i]?.key as string) as Answer;
    const { text, finishReason } = generation;
    const { kind: verdict } = parseVerdict(text, { finishReason });
    const thought = form === 'planned' ? prompts.parseThought(text) : null;
    return {
      ...row,
      order,
      verdict,
      correct: verdict === goldVerdict(order),
      text,
      plan: thought?.plan ?? plan?.text ?? null,
      execution: thought?.execution ?? (form === 'direct' ? null : prompts.parseExecution(text)),
    };
  });
}

/** The plan of a judge that writes it by itself; without one there is nothing to execute, and what it said instead is kept. */
function* planOf(pair: ResponsePair, { prompts, model, maxTokens, maxPlanTokens }: EvaluateOptions) {
  const request = requestOf({
    template: prompts.plan,
    text: render(prompts.plan, { instruction: pair.instruction }),
    model,
    seed: 0,
    sampling: { temperature: 0, topP: 1, maxTokens: maxPlanTokens ?? maxTokens },
    stop: [prompts.closePlan.trim()],
  });
  const answers: ReadonlyMap<string, Answer> = yield asks([request]);
  const { text: said, finishReason } = (answers.get(request.key) as Answer).generation;
  // Generation ends before the closing tag, which the parser wants to see.
  const text = finishReason === 'stop' ? prompts.parsePlan(`${said}${prompts.closePlan}`) : null;
  const verdict =
    finishReason === 'length'
      ? ('truncated' as const)
      : finishReason === 'stop'
        ? ('invalid' as const)
        : finishReason;
  return { text, said, verdict };
}

/** By a thought that the prompts' guide leads, one for each order, and the likelier letter: each order is judged by itself, so that a pull
 * to a letter shows. */
function* guidedEvaluation(
  pair: ResponsePair,
  { stage, split, prompts, model, maxTokens, maxPlanTokens = maxTokens, orders = ORDERS }: EvaluateOptions,
): Task<Evaluation[]> {
  const greedy = { temperature: 0, topP: 1 };
  const { thoughts } = yield* thoughtsOf(pair, {
    ...MEASURED,
    round: 0,
    prompts,
    plan: { ...greedy, maxTokens: maxPlanTokens },
    execution: { ...greedy, maxTokens },
    model,
    planner: model,
    seed: 0,
  });
  return orders.map((order): Evaluation => {
    const row = { stage, split, pairId: pair.id, order };
    const thought = thoughts.find((one) => one.order === order);
    // A part that says nothing leads to no verdict.
    if (thought === undefined)
      return { ...row, verdict: 'invalid', correct: false, text: '', plan: null, execution: null };
    const { plan, execution, verdict, correct } = thought;
    const letter = verdict === 'A' || verdict === 'B' ? verdict : null;
    const text = letter === null ? execution : prompts.formatThought(plan, execution, letter);
    return { ...row, verdict, correct, text, plan, execution };
  });
}
