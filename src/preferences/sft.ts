import type { PromptSet } from '../prompts/set.ts';
import { random, seedOf, shuffle } from '../random.ts';
import type { Store } from '../store.ts';
import { goldVerdict, type JudgeForm, judgePrompt } from '../thoughts/judge-prompt.ts';
import { ORDERS, type ResponsePair, type SftRow, type Thought } from '../types.ts';

export interface SftOptions {
  readonly round: number;
  readonly form: Exclude<JudgeForm, 'direct'>;
  /** Correct thoughts of each pair that become rows; the method states one. */
  readonly thoughtsPerPair: number;
  readonly seed: number;
}

/** The completion that trains a thought. */
export function thoughtText(prompts: PromptSet, form: SftOptions['form'], thought: Thought): string {
  const verdict = thought.verdict as 'A' | 'B';
  return form === 'planned'
    ? prompts.formatThought(thought.plan, thought.execution, verdict)
    : prompts.formatExecution(thought.execution, verdict);
}

/** SFT rows (method.md section 4): random correct thoughts of each pair, orders taking turns so that A and B stay balanced;
 * a pair without a correct thought is dropped. */
export function sftRows(
  store: Store,
  prompts: PromptSet,
  pairs: readonly ResponsePair[],
  { round, form, thoughtsPerPair, seed }: SftOptions,
): SftRow[] {
  return pairs.flatMap((pair) => {
    const next = random(seedOf(seed, 'sft', form, round, pair.id));
    const correct = shuffle(
      next,
      [...store.thoughts({ round, pairId: pair.id })].filter((thought) => thought.correct),
    );
    const byOrder = shuffle(next, ORDERS).map((order) =>
      correct.filter((thought) => thought.order === order),
    );
    const kept: Thought[] = [];
    for (let turn = 0; kept.length < Math.min(thoughtsPerPair, correct.length); turn++) {
      const thought = byOrder[turn % byOrder.length]?.shift();
      if (thought) kept.push(thought);
    }
    return kept.map((thought) => ({
      prompt: judgePrompt(prompts, form, pair, thought.order),
      completion: thoughtText(prompts, form, thought),
    }));
  });
}

/** Control: both orders of every pair with the gold verdict and nothing else. */
export function directRows(prompts: PromptSet, pairs: readonly ResponsePair[]): SftRow[] {
  return pairs.flatMap((pair) =>
    ORDERS.map((order) => ({
      prompt: judgePrompt(prompts, 'direct', pair, order),
      completion: prompts.formatDirect(goldVerdict(order)),
    })),
  );
}
