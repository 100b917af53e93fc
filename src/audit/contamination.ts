import { hash } from 'node:crypto';
import { normalised } from '../text/duplicates.ts';
import { NumberTable } from '../text/number-table.ts';

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

/** How often texts repeat the prompts of benchmarks. */
export interface ContaminationReport {
  /** Texts that were looked at. */
  readonly checked: number;
  /** Texts that repeat a prompt of any benchmark. */
  readonly rows: number;
  /** Of each benchmark the prompts that were looked for, and the texts that repeat one of them. */
  readonly benchmarks: Readonly<
    Record<string, { readonly prompts: number; readonly exact: number; readonly ngram: number }>
  >;
  /** The first texts that repeat one. */
  readonly first: readonly ContaminatedText[];
}

export interface ContaminatedText {
  readonly at: string;
  readonly found: readonly Contamination[];
}

/** What a reader of the counts should know. */
export function remarks({ benchmarks }: ContaminationReport): string[] {
  const { playground, ...others } = benchmarks;
  return [
    ...(playground && playground.ngram > 0
      ? ['the playground fills sentences with names and numbers: 13 words in a row are no copy there']
      : []),
    ...(Object.keys(others).length === 0
      ? ['no other benchmark was looked for: name a folder of them with --benchmarks']
      : []),
  ];
}

/** Texts that are told one by one. */
const SHOWN = 20;

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

  /** The number of different prompts of each benchmark. */
  get counts(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const { benchmark } of this.#prompts) counts[benchmark] = (counts[benchmark] ?? 0) + 1;
    return counts;
  }

  add(benchmark: string, id: string, text: string): void {
    const plain = normalised(text);
    if (plain === '') return;
    const known = this.#whole.get(keyOf(plain)).some((i) => this.#prompts[i]?.benchmark === benchmark);
    // RM-Bench plays one prompt nine times.
    if (known) return;
    const words = plain.split(' ');
    const length = Math.min(GRAM, words.length);
    const grams = length < SHORTEST ? new Set<number>() : new WordRuns(words).keys(length);
    const number = this.#prompts.push({ benchmark, id, grams: grams.size }) - 1;
    this.#whole.add(keyOf(plain), number);
    if (grams.size > 0) this.#lengths.add(length);
    // Of a phrase that many share it is enough to know that.
    for (const gram of grams) if (this.#grams.get(gram).length <= COMMON) this.#grams.add(gram, number);
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
    const runs = new WordRuns(words);
    const shared = new Map<number, number>();
    for (const length of this.#lengths) {
      for (const gram of runs.keys(length)) {
        const owners = this.#grams.get(gram);
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

/** Looks at texts one by one. */
export class ContaminationCount {
  readonly #index: BenchmarkIndex;
  readonly #benchmarks: Record<string, { prompts: number; exact: number; ngram: number }>;
  readonly #first: ContaminatedText[] = [];
  #checked = 0;
  #rows = 0;

  constructor(index: BenchmarkIndex) {
    this.#index = index;
    this.#benchmarks = Object.fromEntries(
      Object.entries(index.counts).map(([name, prompts]) => [name, { prompts, exact: 0, ngram: 0 }]),
    );
  }

  /** What the text repeats; `at` says where it stands. */
  add(at: string, text: string): readonly Contamination[] {
    this.#checked++;
    const found = this.#index.find(text);
    if (found.length === 0) return found;
    this.#rows++;
    for (const { benchmark, kind } of found) {
      const count = this.#benchmarks[benchmark] as { exact: number; ngram: number };
      count[kind === 'exact' ? 'exact' : 'ngram']++;
    }
    if (this.#first.length < SHOWN) this.#first.push({ at, found });
    return found;
  }

  report(): ContaminationReport {
    return {
      checked: this.#checked,
      rows: this.#rows,
      benchmarks: this.#benchmarks,
      first: this.#first,
    };
  }
}

/** 52 bits: among a million n-grams two share a key with probability 1e-4. */
const keyOf = (text: string) => Number.parseInt(hash('sha256', text, 'hex').slice(0, 13), 16);

/** Odd numbers, so that powers of them are never 0. */
const [HIGH, LOW] = [0x9e3779b1, 0x85ebca6b] as const;

/** Keys of the runs of words in a text, 52 bits each: the run of n words from i has P(i + n) − P(i) Bⁿ of two polynomial hashes
 * P(i + 1) = P(i) B + h(word i) mod 2³², so that runs of any length cost nothing but their number. */
class WordRuns {
  readonly #high: Int32Array;
  readonly #low: Int32Array;

  constructor(words: readonly string[]) {
    this.#high = new Int32Array(words.length + 1);
    this.#low = new Int32Array(words.length + 1);
    for (const [i, word] of words.entries()) {
      const [high, low] = wordHash(word);
      this.#high[i + 1] = Math.imul(this.#high[i] as number, HIGH) + high;
      this.#low[i + 1] = Math.imul(this.#low[i] as number, LOW) + low;
    }
  }

  /** Those of `length` words, each once. */
  keys(length: number): Set<number> {
    let [high, low] = [1, 1];
    for (let i = 0; i < length; i++) [high, low] = [Math.imul(high, HIGH), Math.imul(low, LOW)];
    const run = (sums: Int32Array, power: number, i: number) =>
      ((sums[i + length] as number) - Math.imul(sums[i] as number, power)) >>> 0;
    const found = new Set<number>();
    for (let i = 0; i + length < this.#high.length; i++)
      found.add(run(this.#high, high, i) * 2 ** 20 + (run(this.#low, low, i) >>> 12));
    return found;
  }
}

/** FNV-1a, mixed as murmur3 ends, and the same by other numbers. */
function wordHash(word: string): readonly [number, number] {
  let [high, low] = [0x811c9dc5, 0x9747b28c];
  for (let i = 0; i < word.length; i++) {
    const unit = word.charCodeAt(i);
    high = Math.imul(high ^ unit, 0x01000193);
    low = Math.imul(low ^ unit, 0x5bd1e995);
  }
  return [mixed(high), mixed(low)];
}

function mixed(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
