import { pick, type Random } from '../random.ts';
import { type Check, checkText } from './checks.ts';
import type { Problem } from './problem.ts';

export type PlanKind = 'empty' | 'single' | 'full' | 'reference';

export const PLAN_KINDS: readonly PlanKind[] = ['empty', 'single', 'full', 'reference'];

/** A plan and what following it strictly means. No checks: a glance. */
export interface HabitPlan {
  readonly kind: PlanKind;
  readonly text: string;
  readonly checks: readonly Check[];
}

export type Weights = Readonly<Record<PlanKind, number>>;

export interface Habit extends Weights {
  /** Share of single plans that ask for the first check (the last step in math). Where single plans lead, it makes
   * one weak check likelier than a full plan, which begins alike: what greedy decoding then writes is the weak one. */
  readonly lead: number;
}

/** How often M0 writes which kind of plan. Its one weakness is habit: the likeliest plan is weak in every family, while
 * about a third of all plans can decide. */
export const HABITS: Readonly<Record<string, Habit>> = {
  list: { empty: 0.44, single: 0.24, full: 0.32, reference: 0, lead: 0.3 },
  repeat: { empty: 0.24, single: 0.41, full: 0.15, reference: 0.2, lead: 0.6 },
  range: { empty: 0.26, single: 0.4, full: 0.14, reference: 0.2, lead: 0.6 },
  sort: { empty: 0.26, single: 0.4, full: 0.14, reference: 0.2, lead: 0.6 },
  reverse: { empty: 0.26, single: 0.4, full: 0.14, reference: 0.2, lead: 0.6 },
  select: { empty: 0.4, single: 0.26, full: 0.14, reference: 0.2, lead: 0.6 },
  chain: { empty: 0.42, single: 0.2, full: 0.17, reference: 0.21, lead: 0.5 },
  shop: { empty: 0.42, single: 0.2, full: 0.17, reference: 0.21, lead: 0.5 },
  share: { empty: 0.24, single: 0.38, full: 0.17, reference: 0.21, lead: 0.7 },
};

export const EMPTY_PLAN = 'Check that it is helpful and clear.';

/** Of which kind a plan is, by its text. */
export function planKind(plan: string): PlanKind {
  if (plan === EMPTY_PLAN) return 'empty';
  if (plan.includes('The answer is')) return 'reference';
  return plan === 'Work out each step.' || (plan.match(/[.!?](?=\s|$)/g) ?? []).length > 1
    ? 'full'
    : 'single';
}

/** A plan drawn from M0's habit in the problem's family. */
export function habitPlan(problem: Problem, random: Random): HabitPlan {
  return planOf(problem, weighted(random, habitOf(problem)), random);
}

function habitOf(problem: Problem): Habit {
  return HABITS[problem.family] as Habit;
}

/** A plan of the kind; a full one where the family has no reference answer. */
export function planOf(problem: Problem, kind: PlanKind, random: Random): HabitPlan {
  switch (kind) {
    case 'empty':
      return { kind, text: EMPTY_PLAN, checks: [] };
    case 'single': {
      const [first, ...others] = singleChecks(problem) as [Check, ...Check[]];
      const check = others.length === 0 || random() < habitOf(problem).lead ? first : pick(random, others);
      return { kind, text: checkText(check), checks: [check] };
    }
    case 'full':
      return { kind, text: problem.checks.map(checkText).join(' '), checks: problem.checks };
    case 'reference': {
      const reference = problem.reference(random);
      if (reference === null) return planOf(problem, 'full', random);
      return { kind, text: reference.text, checks: [reference.check] };
    }
  }
}

/** The checks that single plans choose from, the leading one first. */
function singleChecks(problem: Problem): readonly Check[] {
  return problem.domain === 'general' ? problem.checks : [{ kind: 'last step' }, { kind: 'first step' }];
}

/** One key, with a probability proportional to its weight. */
export function weighted(random: Random, weights: Weights): PlanKind {
  let left = random() * PLAN_KINDS.reduce((sum, kind) => sum + weights[kind], 0);
  for (const kind of PLAN_KINDS) {
    left -= weights[kind];
    if (left < 0) return kind;
  }
  return 'full';
}
