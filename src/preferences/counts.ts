import type { Thought } from '../types.ts';
import type { PairingAccount, ThoughtPair } from './pairing.ts';

/** What a round's thoughts came to: every response pair either gives preference pairs or is dropped for one reason. */
export interface PreferenceReport {
  readonly responsePairs: number;
  /** Response pairs that gave none, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
  readonly thoughts: number;
  /** Thoughts that cannot be trained on, by reason: cut, without a verdict, right in this order only. */
  readonly left: Readonly<Record<string, number>>;
  /** correct × incorrect, before caps and balance. */
  readonly candidates: number;
  /** Candidates that a cap or the balance of verdicts left out. */
  readonly capped: number;
  readonly pairs: number;
  /** Preference pairs by the verdict of their chosen thought, and by the rule that joined them. */
  readonly verdicts: { readonly A: number; readonly B: number };
  readonly pairings: Readonly<Record<'within-plan' | 'cross-plan', number>> & { readonly twins?: number };
}

/** Adds up a PreferenceReport, one response pair after the other. */
export class PreferenceCounts implements PairingAccount {
  #responsePairs = 0;
  #thoughts = 0;
  #candidates = 0;
  #pairs = 0;
  readonly #dropped: Record<string, number> = {};
  readonly #left: Record<string, number> = {};
  readonly #verdicts = { A: 0, B: 0 };
  readonly #pairings: Record<'within-plan' | 'cross-plan', number> & { twins?: number } = {
    'within-plan': 0,
    'cross-plan': 0,
  };

  see(thoughts: readonly Thought[]): void {
    this.#responsePairs++;
    this.#thoughts += thoughts.length;
    for (const { verdict } of thoughts) if (verdict !== 'A' && verdict !== 'B') this.#leave(verdict);
  }

  drop(reason: string): void {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + 1;
  }

  pair(
    thoughts: readonly Thought[],
    choosable: ReadonlySet<Thought> | null,
    candidates: number,
    made: readonly ThoughtPair[],
  ): void {
    const correct = thoughts.filter((thought) => thought.correct);
    if (choosable) this.#leave('right in one order only', correct.length - choosable.size);
    this.#candidates += candidates;
    this.#pairs += made.length;
    for (const { chosen, pairing } of made) {
      this.#verdicts[chosen.verdict as 'A' | 'B']++;
      this.#pairings[pairing] = (this.#pairings[pairing] ?? 0) + 1;
    }
    if (made.length > 0) return;
    const wrong = thoughts.some(
      ({ correct: right, verdict }) => !right && (verdict === 'A' || verdict === 'B'),
    );
    if (correct.length === 0) this.drop('no correct thought');
    else if (!wrong && candidates === 0) this.drop('no incorrect thought');
    else if (choosable?.size === 0) this.drop('none right in both orders');
    else this.drop(candidates === 0 ? 'nothing to pair under this pairing' : 'pairs in one order only');
  }

  #leave(reason: string, n = 1): void {
    if (n > 0) this.#left[reason] = (this.#left[reason] ?? 0) + n;
  }

  report(): PreferenceReport {
    return {
      responsePairs: this.#responsePairs,
      dropped: this.#dropped,
      thoughts: this.#thoughts,
      left: this.#left,
      candidates: this.#candidates,
      capped: this.#candidates - this.#pairs,
      pairs: this.#pairs,
      verdicts: this.#verdicts,
      pairings: this.#pairings,
    };
  }
}
