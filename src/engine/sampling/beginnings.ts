import type { KeysAndValues } from './key-value-cache.ts';

/** Keys and values of stretches of prompts, by all that comes before and in them; those that were wanted least recently make room.
 * It changes how fast a prompt is computed and nothing else. */
export class Beginnings {
  readonly #bound: number;
  /** From the one that was wanted least recently. */
  readonly #known = new Map<string, KeysAndValues>();
  #bytes = 0;

  /** Bytes that it holds at most. */
  constructor(bound: number) {
    this.#bound = bound;
  }

  get bytes(): number {
    return this.#bytes;
  }

  has(key: string): boolean {
    return this.#known.has(key);
  }

  get(key: string): KeysAndValues | undefined {
    const known = this.#known.get(key);
    if (!known) return undefined;
    this.#known.delete(key);
    this.#known.set(key, known);
    return known;
  }

  /** One that is larger than all the room there is, is not kept. */
  keep(key: string, computed: KeysAndValues): void {
    const size = bytesOf(computed);
    if (size > this.#bound || this.#known.has(key)) return;
    this.#known.set(key, computed);
    this.#bytes += size;
    for (const [oldest, { layers }] of this.#known) {
      if (this.#bytes <= this.#bound) return;
      this.#known.delete(oldest);
      this.#bytes -= bytesOf({ layers });
    }
  }

  clear(): void {
    this.#known.clear();
    this.#bytes = 0;
  }
}

const bytesOf = ({ layers }: Pick<KeysAndValues, 'layers'>): number =>
  layers.reduce((sum, { byteLength }) => sum + byteLength, 0);
