import { parseExecution, playgroundExecute } from './execute.ts';
import type { Guide } from './guide.ts';
import {
  formatDirect,
  formatExecution,
  formatPlan,
  formatThought,
  parseThought,
  playgroundDirect,
  playgroundJudge,
  playgroundUnplanned,
  type ThoughtText,
} from './judge.ts';
import { type Modification, parseModify, playgroundModify } from './modify.ts';
import { parsePlan, playgroundPlan } from './plan.ts';
import { publishedChoice } from './published/choice.ts';
import { publishedExecute, publishedExecuteTies } from './published/execute.ts';
import { publishedGuide } from './published/guide.ts';
import {
  formatPublishedDirect,
  formatPublishedExecution,
  formatPublishedPlan,
  formatPublishedThought,
  parsePublishedExecution,
  parsePublishedThought,
  publishedDirect,
  publishedDirectTies,
  publishedJudge,
  publishedJudgeTies,
  publishedUnplanned,
  publishedUnplannedTies,
} from './published/judge.ts';
import { parsePublishedModify, publishedModify, publishedResponse } from './published/modify.ts';
import { parsePublishedPlan, publishedPlan } from './published/plan.ts';
import { publishedScore } from './published/score.ts';
import { PUBLISHED } from './published/tags.ts';
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
  /** Ends the output of the plan prompt. Absent where the model ends by itself: one that reasons first may name the closing tag in
   * its thoughts, and would be stopped there. */
  readonly stopPlan?: string;
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
  /** A whole thought up to its plan, and from its plan's end: what the judge prompt is continued with. */
  readonly openPlan: string;
  readonly closePlan: string;
  /** The same with the plan in it, exactly as `formatThought` begins. */
  readonly formatPlan: (plan: string) => string;
  /** The same prompts with a tie among the verdicts; without them a judge is never offered one. */
  readonly ties?: Pick<PromptSet, 'execute' | 'judge' | 'unplanned' | 'direct'>;
  /** Leads models that do not write the format; a set without one is for those that do. */
  readonly guide?: Guide;
  /** A rating of one response from 1 to 10 by a plan. */
  readonly score?: Template<'instruction' | 'a' | 'plan'>;
  /** The best of n responses, by its slot; the fields are `instruction` and the slots' letters. */
  readonly choice?: (n: number) => Template<string>;
}

export const PLAYGROUND_PROMPTS: PromptSet = {
  response: playgroundResponse,
  parseResponse,
  modify: playgroundModify,
  parseModify,
  plan: playgroundPlan,
  parsePlan,
  stopPlan: TAG.planEnd,
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
  formatPlan,
};

/** The published prompts, for any instruct model: plan and judge word for word, the others to the paper's description. */
export const PUBLISHED_PROMPTS: PromptSet = {
  response: publishedResponse,
  parseResponse,
  modify: publishedModify,
  parseModify: parsePublishedModify,
  plan: publishedPlan,
  parsePlan: parsePublishedPlan,
  execute: publishedExecute,
  parseExecution: parsePublishedExecution,
  judge: publishedJudge,
  parseThought: parsePublishedThought,
  formatThought: formatPublishedThought,
  unplanned: publishedUnplanned,
  formatExecution: formatPublishedExecution,
  direct: publishedDirect,
  formatDirect: formatPublishedDirect,
  openPlan: `${PUBLISHED.plan}\n`,
  closePlan: `\n${PUBLISHED.planEnd}\n\n`,
  formatPlan: formatPublishedPlan,
  ties: {
    execute: publishedExecuteTies,
    judge: publishedJudgeTies,
    unplanned: publishedUnplannedTies,
    direct: publishedDirectTies,
  },
  guide: publishedGuide,
  score: publishedScore,
  choice: publishedChoice,
};

/** The templates of a set, each as `name version`: what a manifest says of them. */
export function templateVersions(prompts: PromptSet): string[] {
  const found = Object.values(prompts as unknown as Record<string, unknown>).flatMap((part) => {
    const { name, version } = (part ?? {}) as { name?: unknown; version?: unknown };
    return typeof name === 'string' && typeof version === 'string' ? [`${name} ${version}`] : [];
  });
  return [...new Set(found)].sort();
}
