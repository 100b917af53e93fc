import { parseExecution, playgroundExecute } from './execute.ts';
import {
  formatDirect,
  formatExecution,
  formatThought,
  parseThought,
  playgroundDirect,
  playgroundJudge,
  playgroundUnplanned,
  type ThoughtText,
} from './judge.ts';
import { type Modification, parseModify, playgroundModify } from './modify.ts';
import { parsePlan, playgroundPlan } from './plan.ts';
import { parseResponse, playgroundResponse } from './response.ts';
import { TAG } from './tags.ts';
import type { Template } from './template.ts';

type PairFields = 'instruction' | 'a' | 'b';

/** The prompts of a run, each with the parser of its output: replace any of them by your own. */
export interface PromptSet {
  readonly response: Template<'instruction'>;
  readonly parseResponse: (completion: string) => string | null;
  readonly modify: Template<'instruction'>;
  readonly parseModify: (completion: string) => Modification | null;
  readonly plan: Template<'instruction'>;
  readonly parsePlan: (completion: string) => string | null;
  readonly execute: Template<PairFields | 'plan'>;
  readonly parseExecution: (completion: string) => string | null;
  readonly judge: Template<PairFields>;
  readonly parseThought: (completion: string) => ThoughtText | null;
  readonly formatThought: (plan: string, execution: string, verdict: 'A' | 'B') => string;
  /** Controls: an execution without a plan, a verdict without a thought. */
  readonly unplanned: Template<PairFields>;
  readonly formatExecution: (execution: string, verdict: 'A' | 'B') => string;
  readonly direct: Template<PairFields>;
  readonly formatDirect: (verdict: 'A' | 'B') => string;
  /** A whole thought up to its plan, and up to its plan's end: what the judge prompt is continued with. */
  readonly openPlan: string;
  readonly closePlan: string;
}

export const PLAYGROUND_PROMPTS: PromptSet = {
  response: playgroundResponse,
  parseResponse,
  modify: playgroundModify,
  parseModify,
  plan: playgroundPlan,
  parsePlan,
  execute: playgroundExecute,
  parseExecution,
  judge: playgroundJudge,
  parseThought,
  formatThought,
  unplanned: playgroundUnplanned,
  formatExecution,
  direct: playgroundDirect,
  formatDirect,
  openPlan: ` ${TAG.plan}`,
  closePlan: ` ${TAG.planEnd}`,
};
