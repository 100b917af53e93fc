import { hash } from 'node:crypto';
import { clusterBootstrap, type Interval, wilson } from '../metrics.ts';

/** How far length alone tells the better text, over pairs of texts. Lengths in characters. */
export interface LengthBias {
  readonly pairs: number;
  readonly chosen: number;
  readonly rejected: number;
  /** Of the pairs whose lengths differ, those whose better text is the longer one, with its 95 % interval; pairs of one prompt are
   * drawn together. */
  readonly longerChosen: number;
  readonly interval: Interval;
  readonly equal: number;
  /** What a judge would score that knows only which rule holds here, "longer" or "shorter"; equal lengths count one half. */
  readonly lengthOnly: { readonly rule: 'longer' | 'shorter'; readonly accuracy: number };
}

const keyOf = (prompt: string) => hash('sha256', prompt, 'base64url').slice(0, 12);

/** Adds up a LengthBias, pair by pair; memory is that of a key for each prompt. */
export class LengthCount {
  #pairs = 0;
  #chosen = 0;
  #rejected = 0;
  #longer = 0;
  #equal = 0;
  /** By prompt: pairs whose better text is longer, and pairs whose lengths differ. */
  readonly #prompts = new Map<string, [number, number]>();

  add(chosen: string, rejected: string, prompt: string): void {
    this.#pairs++;
    this.#chosen += chosen.length;
    this.#rejected += rejected.length;
    if (chosen.length > rejected.length) this.#longer++;
    if (chosen.length === rejected.length) {
      this.#equal++;
      return;
    }
    const key = keyOf(prompt);
    const own = this.#prompts.get(key) ?? [0, 0];
    own[0] += Number(chosen.length > rejected.length);
    own[1]++;
    this.#prompts.set(key, own);
  }

  report(): LengthBias | null {
    const pairs = this.#pairs;
    if (pairs === 0) return null;
    const different = pairs - this.#equal;
    const longer = different === 0 ? 0.5 : this.#longer / different;
    const accuracy = (this.#longer + this.#equal / 2) / pairs;
    return {
      pairs,
      chosen: this.#chosen / pairs,
      rejected: this.#rejected / pairs,
      longerChosen: longer,
      interval: this.#interval(longer, different),
      equal: this.#equal,
      lengthOnly: {
        rule: accuracy >= 0.5 ? 'longer' : 'shorter',
        accuracy: Math.max(accuracy, 1 - accuracy),
      },
    };
  }

  #interval(longer: number, different: number): Interval {
    const prompts = [...this.#prompts.values()];
    return prompts.every(([, pairs]) => pairs === 1)
      ? wilson(longer, different)
      : clusterBootstrap(prompts, 0);
  }
}
