import type { Sampling } from '../model.ts';
import type { JudgeForm } from '../prompts/judge-prompt.ts';
import type { Task } from '../sampling/task.ts';
import type { Plan, ResponsePair, Thought } from '../types.ts';
import { executionsOf } from './executions.ts';
import { plansOf, type Thinking } from './plans.ts';

export interface ThoughtOptions extends Thinking {
  readonly form: Exclude<JudgeForm, 'direct'>;
  readonly plans: number;
  readonly executions: number;
  readonly plan: Sampling;
  readonly execution: Sampling;
}

export interface PairThoughts {
  readonly plans: readonly Plan[];
  readonly thoughts: readonly Thought[];
  /** Plans that were cut, refused, empty or never came, and executions that never came. */
  readonly left: { readonly plans: number; readonly executions: number };
}

/** The plan of a thought that has none. */
const NO_PLAN = { planIndex: 0, text: '' };

/** Plans of a pair, then the executions of each in both orders. Without plans a pair has as many thoughts, all of the pair itself. */
export function* thoughtsOf(
  pair: ResponsePair,
  { form, plans: count, executions, plan, execution, ...thinking }: ThoughtOptions,
): Task<PairThoughts> {
  const planned = form === 'planned';
  const plans = planned ? yield* plansOf(pair, { ...thinking, plans: count, sampling: plan }) : [];
  const each = planned ? executions : count * executions;
  const options = { ...thinking, form, executions: each, sampling: execution };
  const thoughts = yield* executionsOf(pair, planned ? plans : [NO_PLAN], options);
  const asked = (planned ? plans.length : 1) * 2 * each;
  return {
    plans,
    thoughts,
    left: { plans: planned ? count - plans.length : 0, executions: asked - thoughts.length },
  };
}
