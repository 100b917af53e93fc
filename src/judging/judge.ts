import { EvalPlannerError } from '../errors.ts';
import type { Model } from '../model.ts';
import type { InstructionInput } from '../prompts/conversation.ts';
import { instructionText } from '../prompts/conversation.ts';
import { conduct } from '../sampling/conduct.ts';
import type { Answer, Task } from '../sampling/task.ts';
import { judgePair } from './judge-pair.ts';
import type { EvaluationPlan, Judgment, Pair } from './judgment.ts';
import { type PlanOutcome, planAsks, readPlan } from './plan.ts';
import { type JudgeOptions, settings } from './settings.ts';

export interface JudgeAllOptions extends JudgeOptions {
  /** Judgments come in the order of the pairs (default), or as they are done. */
  readonly inputOrder?: boolean;
  /** Pairs begun and not yet handed over: the bound of memory (default 1,024). */
  readonly window?: number;
}

/** Judge one pair of responses: in both orders, by a thought that plans before it judges.
 *
 *     const { winner } = await judge(model, { instruction, responses: [first, second] });
 *
 * Throws EvalPlannerError: `usage` for options that contradict each other, `data` for a pair that is none, `model` for a model
 * that cannot be asked. A bad output is no error: it is a vote without a winner. */
export async function judge(model: Model, pair: Pair, options: JudgeOptions = {}): Promise<Judgment> {
  for await (const judgment of judgeAll(model, [pair], options)) return judgment;
  throw new EvalPlannerError('internal', 'a pair was not judged', 'report this as a bug');
}

/** Judge any number of pairs, with memory that does not grow with it: pairs are pulled as the model takes them. */
export async function* judgeAll(
  model: Model,
  pairs: Iterable<Pair> | AsyncIterable<Pair>,
  options: JudgeAllOptions = {},
): AsyncGenerator<Judgment, void, undefined> {
  const s = settings(model, options);
  yield* conduct(pairs, (pair) => judgePair(pair, s), conductBy(model, options));
}

/** Write the plans of an instruction, to judge several pairs by: `judge(model, { …, plans })`. Plans that were cut or refused are
 * left out. */
export async function writePlans(
  model: Model,
  instruction: InstructionInput,
  options: JudgeOptions = {},
): Promise<EvaluationPlan[]> {
  const s = settings(model, { ...options, form: 'two-call' });
  function* task(): Task<PlanOutcome[]> {
    const asks = planAsks(instructionText(instruction), s);
    const answers = yield asks;
    return asks.map((ask) => readPlan(ask, answers.get(ask.request.key) as Answer, s));
  }
  for await (const plans of conduct([null], task, conductBy(model, options))) {
    return plans.filter((plan): plan is EvaluationPlan => 'text' in plan);
  }
  return [];
}

export function conductBy(model: Model, options: JudgeAllOptions) {
  const { planModel, store, fresh, signal, inputOrder = true, window = 1024 } = options;
  return { judge: model, planner: planModel ?? model, store, fresh, signal, inputOrder, window };
}
