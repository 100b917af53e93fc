import type { Tensor } from 'onnxruntime-node';
import type { LlamaConfig } from '../llama/config.ts';
import { MASKED } from '../ops/softmax.ts';
import { tensor } from '../session.ts';

/** Capacities come in steps: each is a shape that the runtime plans its memory for. */
const BLOCK = 16;

/** Keys and values of consecutive positions: [2·layers] arrays [K, length, d], keys before values. */
export interface KeysAndValues {
  readonly length: number;
  readonly layers: readonly Float32Array[];
}

/** The first `count` positions of one row of [rows, K, length, d]. */
export function rowOf(
  { numKeyValueHeads: heads, headDim }: LlamaConfig,
  source: Float32Array,
  row: number,
  length: number,
  count: number,
): Float32Array {
  const size = count * headDim;
  const out = new Float32Array(heads * size);
  for (let head = 0; head < heads; head++) {
    const from = (row * heads + head) * length * headDim;
    out.set(source.subarray(from, from + size), head * size);
  }
  return out;
}

/** Keys and values of positions that follow each other, as one. */
export function joined(
  { numHiddenLayers, numKeyValueHeads: heads, headDim }: LlamaConfig,
  parts: readonly KeysAndValues[],
): KeysAndValues {
  const total = parts.reduce((sum, { length }) => sum + length, 0);
  const layers = Array.from({ length: 2 * numHiddenLayers }, () => new Float32Array(heads * total * headDim));
  for (const [i, target] of layers.entries()) {
    let at = 0;
    for (const { length, layers: own } of parts) {
      const size = length * headDim;
      for (let head = 0; head < heads; head++) {
        const source = (own[i] as Float32Array).subarray(head * size, (head + 1) * size);
        target.set(source, (head * total + at) * headDim);
      }
      at += length;
    }
  }
  return { length: total, layers };
}

/** Keys and values of so many places, [places, K, C, d] for each layer, and the mask that says which of the C positions each place
 * has filled. C follows the longest of them, so that short ones are not charged for the longest that was allowed. A masked
 * position weighs exactly zero: C changes no sequence's arithmetic. */
export class KeyValueCache {
  readonly #config: LlamaConfig;
  readonly #places: number;
  #capacity = 0;
  /** [2·layers], keys before values. */
  #arrays: Float32Array[];
  #mask = new Float32Array(0);
  /** What a window leaves of it for the next position. */
  #slidingMask = new Float32Array(0);
  readonly #window: number | undefined;
  /** Positions filled, by place. */
  readonly #lengths: Int32Array;

  /** With a window, `feeds` has a mask of it too, for a position behind those filled. */
  constructor(config: LlamaConfig, places: number, window?: number) {
    this.#config = config;
    this.#window = window;
    this.#places = places;
    this.#arrays = Array.from({ length: 2 * config.numHiddenLayers }, () => new Float32Array(0));
    this.#lengths = new Int32Array(places);
  }

  get capacity(): number {
    return this.#capacity;
  }

  length(place: number): number {
    return this.#lengths[place] as number;
  }

  /** Room for as many positions, and for what is there. C shrinks only where that saves a third, since everything is laid out anew. */
  reserve(positions: number): void {
    const longest = this.#lengths.reduce((most, length) => Math.max(most, length), positions);
    const wanted = Math.ceil(longest / BLOCK) * BLOCK;
    if (wanted <= this.#capacity && 3 * wanted > 2 * this.#capacity) return;
    const { numKeyValueHeads: heads, headDim } = this.#config;
    const before = this.#capacity;
    this.#capacity = wanted;
    const size = this.#places * heads * wanted * headDim;
    const filled = [...this.#lengths.keys()].filter((place) => this.length(place) > 0);
    const rows = filled.flatMap((place) =>
      Array.from({ length: heads }, (_, head) => ({ place, row: place * heads + head })),
    );
    // In place, what moves up begins at the end: it must not be written over before it has moved.
    if (wanted > before) rows.reverse();
    this.#arrays = this.#arrays.map((source) => {
      const target = size > source.length ? new Float32Array(size) : source;
      for (const { place, row } of rows) {
        const from = row * before * headDim;
        const part = source.subarray(from, from + this.length(place) * headDim);
        target.set(part, row * wanted * headDim);
      }
      return target;
    });
    this.#mask = new Float32Array(this.#places * wanted);
    if (this.#window) this.#slidingMask = new Float32Array(this.#places * wanted);
    for (const [place, length] of this.#lengths.entries()) this.#setMask(place, length);
  }

  /** Fill a place. */
  fill(place: number, { length, layers }: KeysAndValues): void {
    const { numKeyValueHeads: heads, headDim } = this.#config;
    this.clear(place);
    this.reserve(length);
    const size = length * headDim;
    for (const [i, source] of layers.entries()) {
      for (let head = 0; head < heads; head++) {
        const to = (place * heads + head) * this.#capacity * headDim;
        (this.#arrays[i] as Float32Array).set(source.subarray(head * size, (head + 1) * size), to);
      }
    }
    this.#setMask(place, length);
  }

  /** Append one position to a place: `fresh` [2·layers, places, K, 1, d], keys before values, as a decoding step of so many places
   * returns it. */
  append(place: number, fresh: Float32Array, places: number): void {
    const { numKeyValueHeads: heads, headDim } = this.#config;
    const at = this.length(place);
    for (const [i, target] of this.#arrays.entries()) {
      for (let head = 0; head < heads; head++) {
        const from = ((i * places + place) * heads + head) * headDim;
        const to = ((place * heads + head) * this.#capacity + at) * headDim;
        for (let d = 0; d < headDim; d++) target[to + d] = fresh[from + d] as number;
      }
    }
    const start = place * this.#capacity;
    this.#mask[start + at] = 0;
    this.#lengths[place] = at + 1;
    if (!this.#window) return;
    this.#slidingMask[start + at] = 0;
    const left = at + 1 - this.#window;
    if (left >= 0) this.#slidingMask[start + left] = MASKED;
  }

  /** Move what is in one place into another. */
  move(from: number, to: number): void {
    const { numKeyValueHeads: heads, headDim } = this.#config;
    const stride = this.#capacity * headDim;
    const size = this.length(from) * headDim;
    for (const array of this.#arrays) {
      for (let head = 0; head < heads; head++) {
        const start = (from * heads + head) * stride;
        array.copyWithin((to * heads + head) * stride, start, start + size);
      }
    }
    this.#setMask(to, this.length(from));
    this.clear(from);
  }

  clear(place: number): void {
    this.#setMask(place, 0);
  }

  /** The first places as inputs of the decoding graph, `key.l`, `value.l`, `mask` and, with a window, `mask.sliding` after a prefix; nothing
   * is copied. */
  feeds(prefix: string, places: number): Record<string, Tensor> {
    const { numKeyValueHeads: heads, headDim } = this.#config;
    const capacity = this.#capacity;
    const shape = [places, heads, capacity, headDim];
    const size = places * heads * capacity * headDim;
    const part = (array: Float32Array) => tensor('float32', array.subarray(0, size), shape);
    const masks = (all: Float32Array) =>
      tensor('float32', all.subarray(0, places * capacity), [places, 1, 1, capacity]);
    const feeds: Record<string, Tensor> = { [`${prefix}mask`]: masks(this.#mask) };
    if (this.#window) feeds[`${prefix}mask.sliding`] = masks(this.#slidingMask);
    for (const [i, array] of this.#arrays.entries()) {
      feeds[`${prefix}${i % 2 === 0 ? 'key' : 'value'}.${i >> 1}`] = part(array);
    }
    return feeds;
  }

  #setMask(place: number, length: number): void {
    const start = place * this.#capacity;
    this.#mask.fill(0, start, start + length);
    this.#mask.fill(MASKED, start + length, start + this.#capacity);
    this.#lengths[place] = length;
    if (!this.#window) return;
    this.#slidingMask.fill(MASKED, start, start + this.#capacity);
    this.#slidingMask.fill(0, start + Math.max(0, length + 1 - this.#window), start + length);
  }
}
