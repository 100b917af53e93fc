import { key } from '../key.ts';
import { render } from '../prompts/template.ts';
import { requestOf } from '../sampling/request.ts';
import { type Answer, type Ask, asks } from '../sampling/task.ts';
import { planStop, planText } from '../thoughts/plans.ts';
import type { VerdictKind } from '../types.ts';
import type { EvaluationPlan } from './judgment.ts';
import { type Settings, voteSeeds } from './settings.ts';

/** What became of a plan: one that was cut, refused or is empty is none, and says so in place of a verdict. */
export type PlanOutcome = EvaluationPlan | FailedPlan;

export interface FailedPlan {
  readonly id: string;
  readonly failed: VerdictKind;
  readonly error?: string;
  readonly permanent?: true;
}

/** A plan that was written by hand, as an object with an id. */
export function evaluationPlan(text: string): EvaluationPlan {
  return { id: key({ plan: text }), text };
}

/** The asks for the plans of an instruction: the plan prompt shows nothing else, so pairs of it share them. */
export function planAsks(instruction: string, s: Settings): Ask[] {
  const text = render(s.prompts.plan, { instruction });
  const { temperature, topP } = s.sampling;
  const sampling = { temperature, topP, maxTokens: s.maxPlanTokens };
  const recipe = { template: s.prompts.plan, text, model: s.planner, sampling, ...planStop(s.prompts) };
  return asks(
    voteSeeds(s.plans, s, 'plan', text).map((seed) => requestOf({ ...recipe, seed })),
    'planner',
  );
}

export function readPlan({ request }: Ask, { generation }: Answer, s: Settings): PlanOutcome {
  const { finishReason, error, permanent } = generation;
  const text = planText(s.prompts, generation);
  if (text !== null) return { id: request.key, text };
  if (finishReason !== 'stop') {
    const failed = { length: 'truncated', refused: 'refused', error: 'error' } as const;
    return {
      id: request.key,
      failed: failed[finishReason],
      ...(error === undefined ? {} : { error }),
      ...(permanent ? { permanent } : {}),
    };
  }
  return { id: request.key, failed: 'invalid' };
}
