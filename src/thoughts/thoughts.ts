import type { Sampling } from '../model.ts';
import type { JudgeForm } from '../prompts/judge-prompt.ts';
import type { PromptSet } from '../prompts/set.ts';
import type { Task } from '../sampling/task.ts';
import { ORDERS, type Plan, type ResponsePair, type Thought } from '../types.ts';
import { executionsOf } from './executions.ts';
import { type Guidance, guidedPlans, guidedThoughts } from './guided.ts';
import { plansOf, type Thinking } from './plans.ts';

export interface ThoughtOptions extends Thinking {
  readonly form: Exclude<JudgeForm, 'direct'>;
  readonly plans: number;
  readonly executions: number;
  readonly plan: Sampling;
  readonly execution: Sampling;
  /** Parts of the answer begin with words of the prompts' guide; absent: written freely. A planner of its own plans freely. */
  readonly guided?: Guidance;
}

export interface PairThoughts {
  readonly plans: readonly Plan[];
  readonly thoughts: readonly Thought[];
  /** Plans that were cut, refused, empty or never came, and executions that never came. */
  readonly left: { readonly plans: number; readonly executions: number };
}

/** Plans, where there are any, and executions; led ones are asked for in parts, and for a letter. */
export function requestsPerPair(
  { form, plans, executions, guided }: Pick<ThoughtOptions, 'form' | 'plans' | 'executions' | 'guided'>,
  { guide }: Pick<PromptSet, 'guide'>,
): number {
  const each = guided && guide ? guide.parts.length + 1 : 1;
  return plans * executions * ORDERS.length * each + (form === 'planned' ? plans : 0);
}

/** One plan and an execution in each order, led: how M0 is measured. */
export const MEASURED = {
  form: 'planned',
  plans: 1,
  executions: 1,
  guided: { letterPull: 'keep' },
} as const satisfies Partial<ThoughtOptions>;

/** The plan of a thought that has none. */
const NO_PLAN = { planIndex: 0, text: '' };

/** Plans of a pair, then the executions of each in both orders. Without plans a pair has as many thoughts, all of the pair itself. */
export function* thoughtsOf(
  pair: ResponsePair,
  { form, plans: count, executions, plan, execution, guided, ...thinking }: ThoughtOptions,
): Task<PairThoughts> {
  const planned = form === 'planned';
  const plansBy = guided && thinking.planner === thinking.model ? guidedPlans : plansOf;
  const plans = planned ? yield* plansBy(pair, { ...thinking, plans: count, sampling: plan }) : [];
  const each = planned ? executions : count * executions;
  const options = { ...thinking, form, executions: each, sampling: execution };
  const executed = planned ? plans : [NO_PLAN];
  const thoughts = guided
    ? yield* guidedThoughts(pair, executed, { ...options, guided })
    : yield* executionsOf(pair, executed, options);
  const asked = (planned ? plans.length : 1) * 2 * each;
  return {
    plans,
    thoughts,
    left: { plans: planned ? count - plans.length : 0, executions: asked - thoughts.length },
  };
}
