import type { Random } from '../random.ts';
import type { PairKind } from '../types.ts';
import type { Check } from './checks.ts';

/** An instruction of the playground with everything its oracle knows. No loop may use the oracle: it writes M0's
 * pre-training text and measures results. */
export interface Problem {
  readonly family: string;
  readonly domain: PairKind;
  readonly instruction: string;
  /** A right answer. */
  answer(random: Random): string;
  /** What M0 is taught to answer: right in general families, often wrong in math. */
  attempt(random: Random): string;
  /** Any text may be asked about. */
  isCorrect(response: string): boolean;
  /** Another instruction of the family, one constraint changed: no right answer of it is right here. */
  modify(random: Random): Problem;
  /** What a full plan checks, in its fixed order: together they tell a right answer from one to a modification. */
  readonly checks: readonly Check[];
  /** The plan text that works the answer out, and the check against it; null where many answers are right. */
  reference(random: Random): Reference | null;
}

export interface Reference {
  readonly text: string;
  readonly check: Check;
}

export interface Family {
  readonly name: string;
  readonly domain: PairKind;
  sample(random: Random): Problem;
  /** The problem with exactly this instruction; null for any other text. */
  parse(instruction: string): Problem | null;
}
