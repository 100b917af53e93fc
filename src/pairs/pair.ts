import { key } from '../key.ts';
import type { Generation } from '../model.ts';
import type { PromptSet } from '../prompts/set.ts';
import type { Instruction } from '../source.ts';
import type { ResponsePair } from '../types.ts';

/** Pairs, and how many instructions gave none, by reason. */
export interface PairReport {
  readonly pairs: ResponsePair[];
  readonly dropped: Record<string, number>;
}

/** What a model is asked with about instructions. */
export interface PairMaking {
  readonly seed: number;
  /** What the pairs are of. */
  readonly domain: string;
  /** The model's, so that its answers are known again. */
  readonly revision: string;
  readonly prompts: PromptSet;
}

export const newPairReport = (): PairReport => ({ pairs: [], dropped: {} });

/** Why a generation is no answer; null for one that is. */
export function noAnswer(generation: Generation | undefined): string | null {
  if (generation?.finishReason === 'stop') return null;
  if (generation?.finishReason === 'length') return 'cut';
  return generation?.finishReason === 'refused' ? 'refused' : 'no answer';
}

export function responsePair(
  domain: string,
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
