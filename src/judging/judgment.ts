import type { InstructionInput } from '../prompts/conversation.ts';
import type { Usage } from '../sampling/task.ts';
import type { Order, VerdictKind } from '../types.ts';

/** Two responses to one instruction. `A` is the first of them, whatever slot it is shown in. */
export interface Pair {
  readonly id?: string;
  readonly instruction: InstructionInput;
  readonly responses: readonly [a: string, b: string];
  /** Plans to judge by, written before or by hand; none are sampled then. */
  readonly plans?: readonly EvaluationPlan[];
}

/** z as an object: written once for an instruction, used for any pair of responses to it. */
export interface EvaluationPlan {
  readonly id: string;
  readonly text: string;
}

/** What is better: the first response, the second one, or neither. */
export type Winner = 'A' | 'B' | 'tie';

/** One sampled thought about a pair in one order. */
export interface Vote {
  /** The key of its generation; that of its plan where there was nothing to execute. */
  readonly key: string;
  readonly planId: string | null;
  readonly plan: string | null;
  readonly execution: string | null;
  /** What it says of the slots as shown. */
  readonly verdict: VerdictKind;
  /** The response that it names; null unless it names one or a tie. */
  readonly winner: Winner | null;
  /** P(A is better) from the log-probabilities of the verdict's token, where the model gives them. */
  readonly probabilityA?: number;
  /** The output as it is, without what a reasoning model thought before it. */
  readonly text: string;
  /** That thought: told apart by the server, or by its marks (`<think>` and others). */
  readonly reasoning?: string;
  /** What went wrong, where nothing came. */
  readonly error?: string;
  /** Nothing would come if it were asked again. */
  readonly permanent?: true;
  /** It was asked a second time, since the first output named no verdict. */
  readonly reasked?: true;
}

export interface OrderJudgment {
  /** `ab` shows the first response first. */
  readonly order: Order;
  /** What most of its votes name; null where none does or two are even. */
  readonly winner: Winner | null;
  readonly votes: readonly Vote[];
}

export interface Judgment {
  readonly id?: string;
  /** What every order names; null where they differ or one names none. With `weighted`: what `preference` says. */
  readonly winner: Winner | null;
  /** Whether both orders name the same; null when only one was judged. */
  readonly consistent: boolean | null;
  /** P(A is better), both orders alike: the mean over votes of their log-probability, or else of 1, 0 and ½; null where no
   * vote names anything. */
  readonly preference: number | null;
  /** With `weighted`: verdicts for which the model gave no log-probabilities, so that they count 1 or 0; absent where there
   * are none. */
  readonly unweighted?: number;
  readonly orders: readonly OrderJudgment[];
  readonly usage: Usage;
}
