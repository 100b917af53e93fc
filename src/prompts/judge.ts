import { parseExecution } from './execute.ts';
import { PLAYGROUND_TAGS, TAG } from './tags.ts';
import { between, type Template } from './template.ts';

type PairFields = 'instruction' | 'a' | 'b';
const fields = ['instruction', 'a', 'b'] as const;

/** The trained prompt in the playground's words: x, a, b and no plan; the completion is the whole thought. */
export const playgroundJudge: Template<PairFields> = {
  name: 'judge',
  version: 'playground-1',
  text: 'Instruction: {instruction} <A> {a} <B> {b} <judge>',
  tags: PLAYGROUND_TAGS,
  fields,
};

/** Control: an execution and a verdict, no plan. */
export const playgroundUnplanned: Template<PairFields> = {
  name: 'unplanned',
  version: 'playground-1',
  text: 'Instruction: {instruction} <A> {a} <B> {b}',
  tags: PLAYGROUND_TAGS,
  fields,
};

/** Control: a verdict, nothing else. */
export const playgroundDirect: Template<PairFields> = {
  name: 'direct',
  version: 'playground-1',
  text: 'Instruction: {instruction} <A> {a} <B> {b} <verdict>',
  tags: PLAYGROUND_TAGS,
  fields,
};

export interface ThoughtText {
  readonly plan: string;
  readonly execution: string;
}

/** Plan and execution of a whole thought; null when a section is missing. */
export function parseThought(completion: string): ThoughtText | null {
  const plan = between(completion, TAG.plan, TAG.planEnd);
  const execution = parseExecution(completion);
  return plan === null || execution === null ? null : { plan, execution };
}

/** The whole thought as it is trained: plan, execution, verdict, each between its tags. */
export function formatThought(plan: string, execution: string, verdict: 'A' | 'B'): string {
  return `${formatPlan(plan)}${formatExecution(execution, verdict)}`;
}

/** A thought as far as its plan goes. */
export function formatPlan(plan: string): string {
  return ` ${TAG.plan} ${plan} ${TAG.planEnd}`;
}

/** Execution and verdict, as the execution prompt and the control without a plan complete. */
export function formatExecution(execution: string, verdict: 'A' | 'B'): string {
  return ` ${TAG.exec} ${execution} ${TAG.execEnd} ${verdict === 'A' ? TAG.isA : TAG.isB}`;
}

/** A verdict alone. */
export function formatDirect(verdict: 'A' | 'B'): string {
  return ` ${verdict === 'A' ? TAG.isA : TAG.isB}`;
}
