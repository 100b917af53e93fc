import type { GenerateRequest, Generation, Sampling } from '../model.ts';
import { goldVerdict, type JudgeForm, judgePrompt, judgeTemplate, shown } from '../prompts/judge-prompt.ts';
import type { PromptSet } from '../prompts/set.ts';
import { render } from '../prompts/template.ts';
import { requestOf, siblingSeeds } from '../sampling/request.ts';
import { asks, type Task } from '../sampling/task.ts';
import {
  ORDERS,
  type Order,
  type Plan,
  type ResponsePair,
  type Thought,
  type VerdictKind,
} from '../types.ts';
import { parseVerdict } from '../verdict/verdict.ts';
import type { Thinking } from './plans.ts';

export interface ExecutionOptions extends Thinking {
  readonly form: Exclude<JudgeForm, 'direct'>;
  /** |E|/2: for each plan and each order. */
  readonly executions: number;
  readonly sampling: Sampling;
}

/** The thoughts of a pair: executions of every plan in both orders, their verdicts read, right ones told from wrong ones (arXiv
 * 2501.18099). In the first round the execution prompt is used; from the second on, the judge prompt continued with the plan.
 * An execution that never came gives no thought. */
export function* executionsOf(
  pair: ResponsePair,
  plans: readonly Pick<Plan, 'planIndex' | 'text'>[],
  { round, form, executions, sampling, prompts, model, ...options }: ExecutionOptions,
): Task<Thought[]> {
  const requests: GenerateRequest[] = [];
  const cells = plans.flatMap((plan) =>
    ORDERS.flatMap((order) => {
      const asked = executionPrompt(prompts, form, round, pair, order, plan.text);
      const of = [options.seed, 'execution', form, round, pair.id, plan.planIndex, order] as const;
      return siblingSeeds(executions, ...of).map((seed, executionIndex) => {
        const request = requestOf({ ...asked, model, seed, sampling });
        requests.push(request);
        return { plan, order, executionIndex, id: request.key };
      });
    }),
  );
  if (cells.length === 0) return [];
  // Handed over: a prompt that is answered is not held until the last of them is.
  const answers = yield asks(requests.splice(0));
  return cells.flatMap(({ plan, order, executionIndex, id }): Thought[] => {
    const generation = answers.get(id)?.generation;
    if (generation === undefined || generation.finishReason === 'error') return [];
    const { execution, verdict } = readExecution(prompts, generation);
    return [
      {
        id,
        pairId: pair.id,
        round,
        order,
        planIndex: plan.planIndex,
        executionIndex,
        plan: plan.text,
        execution: execution ?? generation.text,
        verdict,
        correct: verdict === goldVerdict(order),
      },
    ];
  });
}

function executionPrompt(
  prompts: PromptSet,
  form: ExecutionOptions['form'],
  round: number,
  pair: ResponsePair,
  order: Order,
  plan: string,
) {
  if (form === 'planned' && round === 1)
    return { template: prompts.execute, text: render(prompts.execute, { ...shown(pair, order), plan }) };
  return {
    template: judgeTemplate(prompts, form),
    text: judgePrompt(prompts, form, pair, order),
    ...(form === 'planned' ? { prefill: prompts.formatPlan(plan) } : {}),
  };
}

/** What is trained on is labelled by exact verdicts only: one that has to be read out of words, or that no execution between its
 * tags stands before, is outside the format. */
function readExecution(
  prompts: PromptSet,
  { text, finishReason }: Generation,
): { readonly execution: string | null; readonly verdict: VerdictKind } {
  const { kind, exact } = parseVerdict(text, { finishReason });
  const execution = prompts.parseExecution(text);
  const inFormat = exact && execution !== null;
  return { execution, verdict: inFormat || kind === 'truncated' || kind === 'refused' ? kind : 'invalid' };
}
