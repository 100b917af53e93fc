import { hash } from 'node:crypto';
import { random } from '../random.ts';
import { NumberTable } from './number-table.ts';

/** Words of a shingle. */
const SHINGLE = 3;
/** Bands × rows of the signature: two texts of similarity s meet in a band with probability 1 − (1 − s⁸)¹⁶; 0.43 at 0.65,
 * 0.95 at 0.8, 1.00 at 0.9. */
const BANDS = 16;
const ROWS = 8;
const HASHES = BANDS * ROWS;

/** The multipliers and addends of the hash family h_i(x) = a_i x + b_i mod 2³², a_i odd. */
const next = random(0x6d696e68);
const [MULTIPLY, ADD] = [0, 1].map((odd) =>
  Uint32Array.from({ length: HASHES }, () => Math.floor(next() * 2 ** 32) | (odd === 0 ? 1 : 0)),
) as [Uint32Array, Uint32Array];

/** Lower case, without punctuation, single spaces: what two copies of a text share. */
export function normalised(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, ' ')
    .trim();
}

/** The set of a normalised text's word 3-grams, as 32-bit hashes; of shorter texts the whole, and of texts without spaces
 * (Chinese) its character 3-grams, so that they differ where the texts do. */
function shingles(plain: string): Set<number> {
  let units = plain.split(' ');
  if (units.length < SHINGLE && plain.length > 24) units = [...plain];
  const found = new Set<number>();
  for (let i = 0; i <= Math.max(0, units.length - SHINGLE); i++)
    found.add(fnv1a(units.slice(i, i + SHINGLE).join(' ')));
  return found;
}

function fnv1a(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  // The family below is linear: without this, neighbours of the hash would stay neighbours.
  h ^= h >>> 16;
  h = Math.imul(h, 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0;
}

/** MinHash (Broder 1997): of each hash function the least value over the set. Equal places estimate the Jaccard similarity,
 * with a standard error of at most 0.044. */
export function signature(set: ReadonlySet<number>): Uint32Array {
  const least = new Uint32Array(HASHES).fill(0xffffffff);
  for (const x of set)
    for (let i = 0; i < HASHES; i++) {
      const h = (Math.imul(MULTIPLY[i] as number, x) + (ADD[i] as number)) >>> 0;
      // The low bits of a linear hash are weak; a mixed one orders by all of them.
      const mixed = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d) >>> 0;
      if (mixed < (least[i] as number)) least[i] = mixed;
    }
  return least;
}

/** The share of equal places of two signatures, of which the lowest byte of each value is enough: others agree in it by chance
 * once in 256. */
function similarity(a: Uint8Array, b: Uint8Array): number {
  let equal = 0;
  for (let i = 0; i < HASHES; i++) if (a[i] === b[i]) equal++;
  return equal / HASHES;
}

/** What `similarity` compares. */
export function estimate(a: Uint32Array, b: Uint32Array): number {
  return similarity(Uint8Array.from(a), Uint8Array.from(b));
}

export type Duplicate = 'exact duplicate' | 'near duplicate';

/** Tells texts that came before, exactly (after normalisation) or nearly (estimated Jaccard similarity of word 3-grams of at
 * least `threshold`). Memory, outside V8's heap: 0.4 to 0.8 kB a text that is kept, 20 to 40 bytes where only exact copies are
 * wanted. */
export class Duplicates {
  readonly #threshold: number | null;
  readonly #exact = new NumberTable();
  readonly #bands = new NumberTable();
  #signatures = new Uint8Array(1024 * HASHES);
  #count = 0;
  #last = new Look('');

  /** `null`: exact copies only. */
  constructor(threshold: number | null = 0.8) {
    this.#threshold = threshold;
  }

  /** The earlier text, by its number from 0, that this one repeats; else takes it in and answers null. */
  check(text: string): { readonly kind: Duplicate; readonly of: number } | null {
    const found = this.find(text);
    if (found === null) this.add(text);
    return found;
  }

  find(text: string): { readonly kind: Duplicate; readonly of: number } | null {
    const look = this.#look(text);
    for (const same of this.#exact.get(look.exact)) return { kind: 'exact duplicate', of: same };
    if (this.#threshold === null) return null;
    const own = look.signature();
    const short = Uint8Array.from(own);
    const seen = new Set<number>();
    for (const band of bandsOf(own))
      for (const other of this.#bands.get(band)) {
        if (seen.has(other)) continue;
        seen.add(other);
        if (similarity(short, this.#signature(other)) >= this.#threshold)
          return { kind: 'near duplicate', of: other };
      }
    return null;
  }

  add(text: string): void {
    const number = this.#count++;
    const look = this.#look(text);
    this.#exact.add(look.exact, number);
    if (this.#threshold === null) return;
    if (this.#count * HASHES > this.#signatures.length) {
      const more = new Uint8Array(2 * this.#signatures.length);
      more.set(this.#signatures);
      this.#signatures = more;
    }
    const own = look.signature();
    this.#signature(number).set(Uint8Array.from(own));
    for (const band of bandsOf(own)) this.#bands.add(band, number);
  }

  /** Rows of one prompt stand together in training data: what was worked out for the last one serves again. */
  #look(text: string): Look {
    if (this.#last.text !== text) this.#last = new Look(text);
    return this.#last;
  }

  #signature(number: number): Uint8Array {
    return this.#signatures.subarray(number * HASHES, (number + 1) * HASHES);
  }
}

/** What is compared of a text, worked out once: looking for it and taking it in need the same. */
class Look {
  readonly text: string;
  /** 52 bits of a hash: two of a million different texts share one with probability 1e-4. */
  readonly exact: number;
  readonly #plain: string;
  #signature: Uint32Array | null = null;

  constructor(text: string) {
    this.text = text;
    this.#plain = normalised(text);
    this.exact = Number.parseInt(hash('sha256', this.#plain || text, 'hex').slice(0, 13), 16);
  }

  signature(): Uint32Array {
    this.#signature ??= signature(shingles(this.#plain));
    return this.#signature;
  }
}

/** A number for the values of each band, the band's own number in it. */
function* bandsOf(own: Uint32Array): Generator<number> {
  for (let band = 0; band < BANDS; band++) {
    let h = 0;
    for (let row = 0; row < ROWS; row++)
      h = Math.imul(h ^ (own[band * ROWS + row] as number), 0x01000193) ^ (h >>> 13);
    yield (h >>> 0) * BANDS + band;
  }
}
