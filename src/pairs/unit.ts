import { generate, type Work } from '../generate.ts';
import type { GenerateRequest, Generation, Model } from '../model.ts';
import type { PromptSet } from '../prompts/set.ts';
import { countDrop, type PairReport } from './pair.ts';

/** By what instructions become pairs. */
export interface PairMaking {
  readonly seed: number;
  /** The model's, so that its answers are known again. */
  readonly revision: string;
  readonly prompts: PromptSet;
}

/** What a model is asked about one instruction, and what the answers make of it. */
export interface PairUnit {
  readonly requests: readonly GenerateRequest[];
  /** Of generations by their keys. */
  pairs(generation: (key: string) => Generation | undefined): PairReport;
}

/** Have the requests of all units in the ledger, then the pairs of all. */
export async function makePairs(work: Work, model: Model, units: readonly PairUnit[]): Promise<PairReport> {
  await generate(
    work,
    model,
    units.flatMap(({ requests }) => requests),
  );
  const all: PairReport = { pairs: [], dropped: {} };
  for (const unit of units) {
    const { pairs, dropped } = unit.pairs((key) => work.store.generation(key));
    for (const pair of pairs) all.pairs.push(pair);
    for (const [reason, n] of Object.entries(dropped)) countDrop(all, reason, n);
  }
  return all;
}

/** Why a generation is no answer; null for one that is. */
export function noAnswer(generation: Generation | undefined): string | null {
  if (generation?.finishReason === 'stop') return null;
  if (generation?.finishReason === 'length') return 'cut';
  return generation?.finishReason === 'refused' ? 'refused' : 'no answer';
}
