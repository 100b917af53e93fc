import type { Message } from '../prompts/conversation.ts';
import { key } from '../store.ts';
import type { Domain, ResponsePair } from '../types.ts';

/** Where instructions come from: a data set, or the playground. */
export interface Instruction {
  readonly text: string;
  readonly family: string;
  /** The gold final answer; math only. */
  readonly answer?: string;
  /** The data set's own answer, which is then the chosen response. */
  readonly response?: string;
  /** The turns of a conversation of several, of which `text` is the rendering. */
  readonly conversation?: readonly Message[];
}

/** Pairs, and how many instructions gave none, by reason. */
export interface PairReport {
  readonly pairs: ResponsePair[];
  readonly dropped: Record<string, number>;
}

export interface Sampling {
  readonly temperature: number;
  readonly topP: number;
  readonly maxTokens: number;
}

export function responsePair(
  domain: Domain,
  { text, family, conversation }: Instruction,
  chosen: string,
  rejected: string,
  provenance: ResponsePair['provenance'],
): ResponsePair {
  const id = key({ instruction: text, chosen, rejected });
  const whole = conversation === undefined ? provenance : { ...provenance, conversation };
  return { id, domain, family, instruction: text, chosen, rejected, provenance: whole };
}

export function countDrop({ dropped }: Pick<PairReport, 'dropped'>, reason: string, n = 1): void {
  dropped[reason] = (dropped[reason] ?? 0) + n;
}
