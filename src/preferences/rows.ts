import type { PromptSet } from '../prompts/set.ts';
import type { PreferenceRecord, Store } from '../store.ts';
import { type JudgeForm, judgePrompt } from '../thoughts/judge-prompt.ts';
import type { PreferenceRow, ResponsePair } from '../types.ts';
import { type PairingOptions, preferencePairs } from './pairing.ts';
import { thoughtText } from './sft.ts';

export interface PreferenceOptions extends PairingOptions {
  readonly round: number;
  readonly form: Exclude<JudgeForm, 'direct'>;
}

/** DPO rows of a round; which thoughts they join is recorded in the ledger. The prompt is the judge prompt, the completions
 * are whole thoughts. */
export function preferenceRows(
  store: Store,
  prompts: PromptSet,
  pairs: readonly ResponsePair[],
  { round, form, ...options }: PreferenceOptions,
): PreferenceRow[] {
  const records: PreferenceRecord[] = [];
  const rows = pairs.flatMap((pair) => {
    const thoughts = [...store.thoughts({ round, pairId: pair.id })];
    return preferencePairs(thoughts, options).map(({ chosen, rejected, pairing }) => {
      records.push({ pairId: pair.id, chosenId: chosen.id, rejectedId: rejected.id, pairing });
      return {
        prompt: judgePrompt(prompts, form, pair, chosen.order),
        chosen: thoughtText(prompts, form, chosen),
        rejected: thoughtText(prompts, form, rejected),
      };
    });
  });
  store.putPreferences(round, records);
  return rows;
}
