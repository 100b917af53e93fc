import type { Domain } from '../../types.ts';
import type { Instruction } from '../pair.ts';

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
  /** Of a pair that was made before. */
  readonly domain?: Domain;
  /** The set's own worse response. */
  readonly rejected?: string;
  /** The set's own worked solutions, right and wrong ones together. */
  readonly solutions?: readonly string[];
}
