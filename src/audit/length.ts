import { type Interval, wilson } from '../benchmarks/metrics.ts';

/** How far length alone tells the better text, over pairs of texts. Lengths in characters. */
export interface LengthBias {
  readonly pairs: number;
  readonly chosen: number;
  readonly rejected: number;
  /** Of the pairs whose lengths differ, those whose better text is the longer one, with its 95 % interval. */
  readonly longerChosen: number;
  readonly interval: Interval;
  readonly equal: number;
  /** What a judge would score that knows only which rule holds here, "longer" or "shorter"; equal lengths count one half. */
  readonly lengthOnly: { readonly rule: 'longer' | 'shorter'; readonly accuracy: number };
}

/** Adds up a LengthBias, pair by pair. */
export class LengthCount {
  #pairs = 0;
  #chosen = 0;
  #rejected = 0;
  #longer = 0;
  #equal = 0;

  add(chosen: string, rejected: string): void {
    this.#pairs++;
    this.#chosen += chosen.length;
    this.#rejected += rejected.length;
    if (chosen.length > rejected.length) this.#longer++;
    if (chosen.length === rejected.length) this.#equal++;
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
      interval: wilson(longer, different),
      equal: this.#equal,
      lengthOnly: {
        rule: accuracy >= 0.5 ? 'longer' : 'shorter',
        accuracy: Math.max(accuracy, 1 - accuracy),
      },
    };
  }
}
