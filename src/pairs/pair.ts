import { key } from '../store.ts';
import type { Domain, ResponsePair } from '../types.ts';

/** Where instructions come from: a data set, or the playground. */
export interface Instruction {
  readonly text: string;
  readonly family: string;
  /** The gold final answer; math only. */
  readonly answer?: string;
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
  { text, family }: Instruction,
  chosen: string,
  rejected: string,
  provenance: Readonly<Record<string, string | number>>,
): ResponsePair {
  const id = key({ instruction: text, chosen, rejected });
  return { id, domain, family, instruction: text, chosen, rejected, provenance };
}

export function countDrop(report: PairReport, reason: string): void {
  report.dropped[reason] = (report.dropped[reason] ?? 0) + 1;
}
