import type { Message } from './prompts/conversation.ts';
import type { Domain } from './types.ts';

/** Where instructions come from: a data set, or the playground. */
export interface Instruction {
  readonly text: string;
  readonly family: string;
  /** The gold final answer; math only. */
  readonly answer?: string;
  /** The data set's own answer, which is then the chosen response. */
  readonly response?: string;
  /** Of a pair that was made before. */
  readonly domain?: Domain;
  /** The set's own worse response. */
  readonly rejected?: string;
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
