import type { Message } from './prompts/conversation.ts';

/** Where instructions come from: a data set, or the playground. */
export interface Instruction {
  readonly text: string;
  readonly family: string;
  /** The gold final answer; math only. */
  readonly answer?: string;
  /** The data set's own answer, which is then the chosen response. */
  readonly response?: string;
  /** Of a pair that was made before: what it is of. */
  readonly domain?: string;
  /** The set's own worse response. */
  readonly rejected?: string;
  /** Another instruction, the answer to which is the rejected response: its own where it has one. */
  readonly other?: Pick<Instruction, 'text' | 'response'>;
  /** The set's own worked solutions, right and wrong ones together. */
  readonly solutions?: readonly string[];
  /** The turns of a conversation of several, of which `text` is the rendering. */
  readonly conversation?: readonly Message[];
}

/** What one row of a data set gives: an instruction, and what the set knows about it. */
export interface SourceInstruction extends Instruction {
  /** Where it stands, for messages. */
  readonly at: string;
  /** User turns. */
  readonly turns: number;
  /** As the set says: an English name (WildChat) or a code. */
  readonly language?: string;
  /** The set's own flag. */
  readonly toxic?: boolean;
}

/** Port: anything that instructions, or finished pairs, come from. What every source owes is checked by source.contract.ts. */
export interface Source {
  readonly kind: 'general' | 'math' | 'pairs';
  /** Changes whenever what it gives does. */
  readonly revision: string;
  /** Those of a split (`train`, `validation`, `dev`, `test`), always in the same order; null where it has none of its own, and the
   * split is cut from `train`. No instruction is in two splits. An abort ends them with the signal's reason. */
  instructions(split: string, signal?: AbortSignal): AsyncIterable<Instruction> | null;
  /** What became of the rows that were read for the last split, where it has rows: read = kept + the sum of `left`. */
  account?(): {
    readonly read: number;
    readonly kept: number;
    readonly left: Readonly<Record<string, number>>;
  };
}
