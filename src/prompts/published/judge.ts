import { parseVerdict } from '../../verdict/verdict.ts';
import type { ThoughtText } from '../judge.ts';
import { between, type Template } from '../template.ts';
import { PUBLISHED, PUBLISHED_TAGS } from './tags.ts';

type PairFields = 'instruction' | 'a' | 'b';
const fields = ['instruction', 'a', 'b'] as const;

const OPENING =
  'Please act as an impartial judge and evaluate the quality of the responses provided by two AI assistants to the user question displayed below. You should choose the assistant that follows the user’s instructions and answers the user’s question better. Your evaluation should consider factors such as the helpfulness, relevance, accuracy, depth, creativity, and level of detail of their responses.';
const FAIRNESS =
  'Avoid any position biases and ensure that the order in which the responses were presented does not influence your decision. Do not allow the length of the responses to influence your evaluation. Do not favor certain names of the assistants. Be as objective as possible.';
const FORMAT = '“[[A]]” if assistant A is better, “[[B]]” if assistant B is better';
const TIE = ', and “[[C]]” for a tie';

/** x and both responses between the published delimiters. */
export const SHOWN = `[[User Question]]
{instruction}

[The Start of Assistant A’s Answer]
{a}
[The End of Assistant A’s Answer]

[The Start of Assistant B’s Answer]
{b}
[The End of Assistant B’s Answer]`;

/** How a verdict is asked for, with a third one where ties are allowed. */
export function verdictFormat(ties: boolean): string {
  return `${FORMAT}${ties ? TIE : ''}.`;
}

function judge(name: string, text: (ties: boolean) => string, ties: boolean): Template<PairFields> {
  const version = ties ? 'published-1-ties' : 'published-1';
  return { name, version, text: `${text(ties)}\n\n${SHOWN}`, tags: PUBLISHED_TAGS, fields };
}

const explained = (ties: boolean) =>
  `${OPENING} Begin your evaluation by comparing the two responses and provide a short explanation. ${FAIRNESS} After providing your explanation, output your final verdict by strictly following this format: ${verdictFormat(ties)}`;
const bare = (ties: boolean) =>
  `${OPENING} ${FAIRNESS} Output your final verdict and nothing else, by strictly following this format: ${verdictFormat(ties)}`;

/** The judge prompt as published with arXiv 2501.18099, word for word; with ties, three words are added to its format. */
export const publishedJudge = judge('judge', explained, false);
export const publishedJudgeTies = judge('judge', explained, true);

/** Control: the same prompt, of which an execution without a plan is the trained completion. */
export const publishedUnplanned = judge('unplanned', explained, false);
export const publishedUnplannedTies = judge('unplanned', explained, true);

/** Control: a verdict, nothing else. */
export const publishedDirect = judge('direct', bare, false);
export const publishedDirectTies = judge('direct', bare, true);

/** The execution between its tags, or else what stands before the verdict; null when there is none. */
export function parsePublishedExecution(completion: string): string | null {
  const tagged = between(completion, PUBLISHED.execution, PUBLISHED.executionEnd);
  if (tagged !== null) return tagged;
  const { at } = parseVerdict(completion);
  const said = at === undefined ? '' : completion.slice(0, at[0]).trim();
  return said === '' ? null : said;
}

/** Plan and execution of a whole thought; null when one of them is missing. */
export function parsePublishedThought(completion: string): ThoughtText | null {
  const plan = between(completion, PUBLISHED.plan, PUBLISHED.planEnd);
  if (plan === null) return null;
  const rest = completion.slice(completion.indexOf(PUBLISHED.planEnd) + PUBLISHED.planEnd.length);
  const execution = parsePublishedExecution(rest);
  return execution === null ? null : { plan, execution };
}

/** The whole thought as it is trained: plan, execution, verdict. */
export function formatPublishedThought(plan: string, execution: string, verdict: 'A' | 'B'): string {
  return `${formatPublishedPlan(plan)}${formatPublishedExecution(execution, verdict)}`;
}

/** A thought as far as its plan goes. */
export function formatPublishedPlan(plan: string): string {
  return `${PUBLISHED.plan}\n${plan}\n${PUBLISHED.planEnd}\n\n`;
}

export function formatPublishedExecution(execution: string, verdict: 'A' | 'B'): string {
  return `${PUBLISHED.execution}\n${execution}\n${PUBLISHED.executionEnd}\n\n[[${verdict}]]`;
}

export function formatPublishedDirect(verdict: 'A' | 'B'): string {
  return `[[${verdict}]]`;
}
