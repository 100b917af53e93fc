import { key } from '../key.ts';
import { render } from '../prompts/template.ts';
import { seedOf } from '../random.ts';
import { requestOf } from '../sampling/request.ts';
import { type Answer, type Ask, asks } from '../sampling/task.ts';
import type { VerdictKind } from '../types.ts';
import type { EvaluationPlan } from './judgment.ts';
import type { Settings } from './settings.ts';

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
  const base = temperature === 0 ? 0 : seedOf(s.seed, 'plan', text);
  const stop = [s.prompts.closePlan.trim()];
  const recipe = { template: s.prompts.plan, text, model: s.planner, sampling, stop };
  return asks(
    Array.from({ length: s.plans }, (_, index) => requestOf({ ...recipe, seed: base + index })),
    'planner',
  );
}

export function readPlan({ request }: Ask, { generation }: Answer, s: Settings): PlanOutcome {
  const { finishReason, text, error, permanent } = generation;
  if (finishReason !== 'stop') {
    const failed = { length: 'truncated', refused: 'refused', error: 'error' } as const;
    return {
      id: request.key,
      failed: failed[finishReason],
      ...(error === undefined ? {} : { error }),
      ...(permanent ? { permanent } : {}),
    };
  }
  // Generation ends before the closing tag, which the parser wants to see.
  const plan = s.prompts.parsePlan(`${text}${s.prompts.closePlan}`);
  return plan === null ? { id: request.key, failed: 'invalid' } : { id: request.key, text: plan };
}
