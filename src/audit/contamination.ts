import { hash } from 'node:crypto';
import { normalised } from '../pairs/duplicates.ts';
import { NumberTable } from '../pairs/number-table.ts';

/** Words of an n-gram, as in GPT-3 (arXiv 2005.14165, appendix C). */
const GRAM = 13;
/** A prompt of fewer words than GRAM, but of these at least, is looked for as a whole; shorter ones only as a whole text. */
const SHORTEST = 8;
/** An n-gram of more prompts than this is a phrase that many share, not a sign of a copy (ibid.). */
const COMMON = 10;

/** A benchmark's prompt that a text repeats. */
export interface Contamination {
  readonly benchmark: string;
  readonly id: string;
  /** `exact`: the same text but for case, punctuation and spaces; `n-gram`: 13 words in a row, or all of a prompt of 8 to 12. */
  readonly kind: 'exact' | 'n-gram';
  /** The share of the prompt's n-grams that are in the text. */
  readonly overlap: number;
}

interface Prompt {
  readonly benchmark: string;
  readonly id: string;
  readonly grams: number;
}

/** The prompts of benchmarks, for telling texts that repeat them. Memory: some 30 bytes a word. */
export class BenchmarkIndex {
  readonly #prompts: Prompt[] = [];
  readonly #whole = new NumberTable();
  readonly #grams = new NumberTable();
  readonly #lengths = new Set<number>();

  get size(): number {
    return this.#prompts.length;
  }

  add(benchmark: string, id: string, text: string): void {
    const plain = normalised(text);
    if (plain === '') return;
    const known = [...this.#whole.get(keyOf(plain))].some((i) => this.#prompts[i]?.benchmark === benchmark);
    // RM-Bench plays one prompt nine times.
    if (known) return;
    const words = plain.split(' ');
    const length = Math.min(GRAM, words.length);
    const grams = length < SHORTEST ? new Set<number>() : new Set(gramsOf(words, length));
    const number = this.#prompts.push({ benchmark, id, grams: grams.size }) - 1;
    this.#whole.add(keyOf(plain), number);
    if (grams.size > 0) this.#lengths.add(length);
    for (const gram of grams) this.#grams.add(gram, number);
  }

  /** The prompt of each benchmark that the text repeats most; none where it repeats nothing. */
  find(text: string): Contamination[] {
    const plain = normalised(text);
    const best = new Map<string, Contamination>();
    for (const i of this.#whole.get(keyOf(plain))) {
      const { benchmark, id } = this.#prompts[i] as Prompt;
      if (plain !== '') best.set(benchmark, { benchmark, id, kind: 'exact', overlap: 1 });
    }
    const words = plain.split(' ');
    const shared = new Map<number, number>();
    for (const length of this.#lengths) {
      if (words.length < length) continue;
      for (const gram of new Set(gramsOf(words, length))) {
        const owners = [...this.#grams.get(gram)];
        if (owners.length > COMMON) continue;
        for (const owner of owners) shared.set(owner, (shared.get(owner) ?? 0) + 1);
      }
    }
    for (const [owner, count] of shared) {
      const { benchmark, id, grams } = this.#prompts[owner] as Prompt;
      const overlap = count / grams;
      const found = best.get(benchmark);
      if (found === undefined || (found.kind === 'n-gram' && overlap > found.overlap))
        best.set(benchmark, { benchmark, id, kind: 'n-gram', overlap });
    }
    return [...best.values()];
  }
}

/** 52 bits: among a million n-grams two share a key with probability 1e-4. */
const keyOf = (text: string) => Number.parseInt(hash('sha256', text, 'hex').slice(0, 13), 16);

function* gramsOf(words: readonly string[], length: number): Generator<number> {
  for (let i = 0; i + length <= words.length; i++) yield keyOf(words.slice(i, i + length).join(' '));
}
