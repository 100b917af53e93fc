import { type JudgeForm, judgePrompt } from '../prompts/judge-prompt.ts';
import type { PromptSet } from '../prompts/set.ts';
import type { PreferenceRecord, Store } from '../store.ts';
import type { PreferenceRow, ResponsePair, Thought } from '../types.ts';
import type { PreferenceCounts } from './counts.ts';
import { type PairingOptions, preferencePairs } from './pairing.ts';
import { thoughtText } from './sft.ts';

export interface PreferenceOptions extends PairingOptions {
  readonly round: number;
  readonly form: Exclude<JudgeForm, 'direct'>;
}

/** DPO rows of a round; which thoughts they join is recorded in the ledger before the first of them comes. The prompt is the
 * judge prompt, the completions are whole thoughts. Memory is that of one response pair. */
export function* preferenceRows(
  store: Store,
  prompts: PromptSet,
  pairs: Iterable<ResponsePair>,
  { round, form, ...options }: PreferenceOptions,
  counts?: PreferenceCounts,
): Generator<PreferenceRow, void, undefined> {
  store.putPreferences(round, join(store, pairs, round, options, counts));

  let current: Recalled | null = null;
  for (const { pairId, chosenId, rejectedId } of store.preferences(round)) {
    if (current?.pair.id !== pairId) current = recall(store, round, pairId);
    const chosen = current.thoughts.get(chosenId) as Thought;
    const rejected = current.thoughts.get(rejectedId) as Thought;
    yield {
      prompt: judgePrompt(prompts, form, current.pair, chosen.order),
      chosen: thoughtText(prompts, form, chosen),
      rejected: thoughtText(prompts, form, rejected),
    };
  }
}

interface Recalled {
  readonly pair: ResponsePair;
  readonly thoughts: ReadonlyMap<string, Thought>;
}

function recall(store: Store, round: number, pairId: string): Recalled {
  const thoughts = new Map<string, Thought>();
  for (const thought of store.thoughts({ round, pairId })) thoughts.set(thought.id, thought);
  return { pair: store.pair(pairId) as ResponsePair, thoughts };
}

function* join(
  store: Store,
  pairs: Iterable<ResponsePair>,
  round: number,
  options: PairingOptions,
  counts?: PreferenceCounts,
): Generator<PreferenceRecord, void, undefined> {
  for (const { id } of pairs) {
    const thoughts = [...store.thoughts({ round, pairId: id })];
    for (const { chosen, rejected, pairing } of preferencePairs(thoughts, options, counts))
      yield { pairId: id, chosenId: chosen.id, rejectedId: rejected.id, pairing };
  }
}
