import { goldVerdict, type JudgeForm, judgePrompt } from '../prompts/judge-prompt.ts';
import type { PromptSet } from '../prompts/set.ts';
import { random, seedOf, shuffle } from '../random.ts';
import type { Store } from '../store.ts';
import { ORDERS, type ResponsePair, type SftRow, type Thought } from '../types.ts';
import { consistentThoughts } from './consistent.ts';
import { correctShare } from './correct-share.ts';

export interface SftOptions {
  readonly round: number;
  readonly form: Exclude<JudgeForm, 'direct'>;
  /** Correct thoughts of each pair that become rows; the method states one. */
  readonly thoughtsPerPair: number;
  /** `any`, as published: every correct thought counts. `best`: only those whose plan has led to the right verdict most
   * often, over both orders; a plan that checks nothing is right half of the time, and random correct thoughts teach it. */
  readonly plans: 'any' | 'best';
  /** A pair whose thoughts are right less often gives no rows. */
  readonly minCorrectShare: number;
  /** Only correct thoughts whose counterpart in the other order is correct as well. */
  readonly consistent?: boolean;
  readonly seed: number;
}

/** What a row carries besides, for who wants to know where it comes from; trainers leave it out. */
export interface OfPair {
  /** Id of the response pair. */
  readonly pair: string;
  readonly family: string;
}

export const ofPair = ({ id, family }: ResponsePair): OfPair => ({ pair: id, family });

/** The completion that trains a thought. */
export function thoughtText(prompts: PromptSet, form: SftOptions['form'], thought: Thought): string {
  const verdict = thought.verdict as 'A' | 'B';
  return form === 'planned'
    ? prompts.formatThought(thought.plan, thought.execution, verdict)
    : prompts.formatExecution(thought.execution, verdict);
}

/** SFT rows (arXiv 2501.18099): random correct thoughts of each pair, orders taking turns so that A and B stay balanced;
 * a pair without a correct thought is dropped. Memory is that of one response pair. */
export function* sftRows(
  store: Store,
  prompts: PromptSet,
  pairs: Iterable<ResponsePair>,
  options: SftOptions,
): Generator<SftRow & OfPair, void, undefined> {
  const { round, form } = options;
  for (const pair of pairs) {
    for (const thought of keptThoughts([...store.thoughts({ round, pairId: pair.id })], pair, options))
      yield {
        prompt: judgePrompt(prompts, form, pair, thought.order),
        completion: thoughtText(prompts, form, thought),
        ...ofPair(pair),
      };
  }
}

function keptThoughts(
  all: readonly Thought[],
  pair: ResponsePair,
  { round, form, thoughtsPerPair, plans, minCorrectShare, consistent, seed }: SftOptions,
): Thought[] {
  const next = random(seedOf(seed, 'sft', form, round, pair.id));
  if (correctShare(all) < minCorrectShare) return [];
  const eligible = plans === 'best' ? ofBestPlans(all) : all;
  const choosable = consistent ? consistentThoughts(all) : null;
  const correct = shuffle(
    next,
    eligible.filter((thought) => thought.correct && choosable?.has(thought) !== false),
  );
  const byOrder = shuffle(next, ORDERS).map((order) => correct.filter((thought) => thought.order === order));
  const kept: Thought[] = [];
  for (let turn = 0; kept.length < Math.min(thoughtsPerPair, correct.length); turn++) {
    const thought = byOrder[turn % byOrder.length]?.shift();
    if (thought) kept.push(thought);
  }
  return kept;
}

/** The thoughts of those plans of a pair whose thoughts are right most often. */
function ofBestPlans(thoughts: readonly Thought[]): Thought[] {
  const plans = new Map<number, { right: number; all: number }>();
  for (const { planIndex, correct } of thoughts) {
    const { right, all } = plans.get(planIndex) ?? { right: 0, all: 0 };
    plans.set(planIndex, { right: right + Number(correct), all: all + 1 });
  }
  const rate = (planIndex: number) => {
    const { right, all } = plans.get(planIndex) as { right: number; all: number };
    return right / all;
  };
  const best = Math.max(...[...plans.keys()].map(rate));
  return thoughts.filter(({ planIndex }) => rate(planIndex) === best);
}

/** Control: both orders of every pair with the gold verdict and nothing else. */
export function* directRows(
  prompts: PromptSet,
  pairs: Iterable<ResponsePair>,
): Generator<SftRow & OfPair, void, undefined> {
  for (const pair of pairs) {
    for (const order of ORDERS)
      yield {
        prompt: judgePrompt(prompts, 'direct', pair, order),
        completion: prompts.formatDirect(goldVerdict(order)),
        ...ofPair(pair),
      };
  }
}
