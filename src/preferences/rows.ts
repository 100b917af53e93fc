import { type JudgeForm, judgePrompt } from '../prompts/judge-prompt.ts';
import type { PromptSet } from '../prompts/set.ts';
import type { PreferenceRecord, Store } from '../store.ts';
import type { PreferenceRow, ResponsePair } from '../types.ts';
import type { PreferenceCounts } from './counts.ts';
import { type PairingOptions, preferencePairs } from './pairing.ts';
import { type OfPair, ofPair, thoughtText } from './sft.ts';

export interface PreferenceOptions extends PairingOptions {
  readonly round: number;
  readonly form: Exclude<JudgeForm, 'direct'>;
}

/** Response pairs whose rows are recorded together. */
const WINDOW = 64;

/** DPO rows of a round; which thoughts they join is in the ledger before they come, and replaces what the round had. The prompt is
 * the judge prompt, the completions are whole thoughts. Each response pair's thoughts are read once, and memory is that of a window
 * of them. Where it ends early the record is of the windows so far: it is a function of the thoughts, and made again. */
export function* preferenceRows(
  store: Store,
  prompts: PromptSet,
  pairs: Iterable<ResponsePair>,
  { round, form, ...options }: PreferenceOptions,
  counts?: PreferenceCounts,
): Generator<PreferenceRow & OfPair, void, undefined> {
  store.putPreferences(round, []);
  let records: PreferenceRecord[] = [];
  let rows: (PreferenceRow & OfPair)[] = [];
  let size = 0;
  for (const pair of pairs) {
    const thoughts = [...store.thoughts({ round, pairId: pair.id })];
    for (const { chosen, rejected, pairing } of preferencePairs(thoughts, options, counts)) {
      records.push({ pairId: pair.id, chosenId: chosen.id, rejectedId: rejected.id, pairing });
      rows.push({
        prompt: judgePrompt(prompts, form, pair, chosen.order),
        chosen: thoughtText(prompts, form, chosen),
        rejected: thoughtText(prompts, form, rejected),
        ...ofPair(pair),
      });
    }
    if (++size % WINDOW > 0) continue;
    store.addPreferences(round, records);
    yield* rows;
    records = [];
    rows = [];
  }
  store.addPreferences(round, records);
  yield* rows;
}
