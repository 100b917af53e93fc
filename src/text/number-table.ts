const EMPTY = -1;
const NONE: readonly number[] = [];

/** A multimap from whole numbers below 2⁵³ to whole numbers below 2³¹, by open addressing in typed arrays: 12 bytes a slot, at
 * most three quarters of them in use. A Map takes four times that, in V8's heap. */
export class NumberTable {
  #keys = new Float64Array(1024);
  #values = new Int32Array(1024).fill(EMPTY);
  #size = 0;

  get(key: number): readonly number[] {
    let found: number[] | null = null;
    for (let slot = this.#slot(key); this.#values[slot] !== EMPTY; slot = this.#after(slot)) {
      if (this.#keys[slot] !== key) continue;
      found ??= [];
      found.push(this.#values[slot] as number);
    }
    return found ?? NONE;
  }

  add(key: number, value: number): void {
    if (4 * (this.#size + 1) > 3 * this.#keys.length) this.#grow();
    let slot = this.#slot(key);
    while (this.#values[slot] !== EMPTY) slot = this.#after(slot);
    this.#keys[slot] = key;
    this.#values[slot] = value;
    this.#size++;
  }

  #slot(key: number): number {
    const high = Math.floor(key / 2 ** 32);
    const h = Math.imul((key >>> 0) ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b);
    return (h ^ (h >>> 15)) & (this.#keys.length - 1);
  }

  #after(slot: number): number {
    return (slot + 1) & (this.#keys.length - 1);
  }

  #grow(): void {
    const [keys, values] = [this.#keys, this.#values];
    this.#keys = new Float64Array(2 * keys.length);
    this.#values = new Int32Array(2 * keys.length).fill(EMPTY);
    this.#size = 0;
    for (const [slot, value] of values.entries()) if (value !== EMPTY) this.add(keys[slot] as number, value);
  }
}
