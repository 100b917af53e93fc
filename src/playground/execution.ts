import { TAG } from '../prompts/tags.ts';
import { integer, type Random } from '../random.ts';
import { segments } from './checks.ts';
import type { HabitPlan } from './habits.ts';

/** How often an execution goes wrong. */
export interface Slips {
  readonly check: number; // of the checks turn one yes or no around
  readonly verdict: number; // of the decided cases get the other verdict
}

export const M0_SLIPS: Slips = { check: 0.03, verdict: 0.04 };

export const UNDECIDED_A = 0.65; // share of A where both responses are equally good

export interface Execution {
  readonly text: string;
  readonly verdict: 'A' | 'B';
  /** Whether exactly one response passed. */
  readonly decided: boolean;
}

/** Follow the plan and nothing but the plan: response A, then B, each up to its first failed check. */
export function execute(
  plan: HabitPlan,
  a: string,
  b: string,
  random: Random,
  slips: Slips = M0_SLIPS,
): Execution {
  const [goodA, textA] = review(plan, a, slips, random);
  const [goodB, textB] = review(plan, b, slips, random);
  const text = `${TAG.a} ${textA} ${TAG.b} ${textB}`;
  if (goodA === goodB) return { text, verdict: random() < UNDECIDED_A ? 'A' : 'B', decided: false };
  const chosenA = goodA !== random() < slips.verdict;
  return { text, verdict: chosenA ? 'A' : 'B', decided: true };
}

/** An execution without a plan: a reference answer is worked out first, checks are simply done. */
export function executeUnplanned(plan: HabitPlan, a: string, b: string, random: Random): Execution {
  const execution = execute(plan, a, b, random);
  return plan.kind === 'reference' ? { ...execution, text: `${plan.text} ${execution.text}` } : execution;
}

function review(
  plan: HabitPlan,
  response: string,
  slips: Slips,
  random: Random,
): [good: boolean, text: string] {
  if (plan.checks.length === 0) return [true, 'reads well. good.'];
  const sentences: string[] = [];
  for (const check of plan.checks) {
    const all = segments(check, response);
    const decisions = all.filter(({ ok }) => ok !== null).length;
    let turned = random() < slips.check ? integer(random, 0, decisions - 1) : -1;
    const parts: string[] = [];
    for (const { text, ok } of all) {
      if (ok === null) {
        parts.push(text);
        continue;
      }
      const says = turned-- === 0 ? !ok : ok;
      parts.push(`${text} ${says ? 'yes' : 'no'}`);
      if (!says) return [false, `${[...sentences, parts.join(' ')].join('. ')}. bad.`];
    }
    sentences.push(parts.join(' '));
  }
  return [true, `${sentences.join('. ')}. good.`];
}
