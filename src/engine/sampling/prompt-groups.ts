import type { Tensor } from 'onnxruntime-node';
import type { LlamaConfig } from '../llama/config.ts';
import { windowOf } from '../llama/layers.ts';
import { MASKED } from '../ops/softmax.ts';
import { tensor } from '../session.ts';
import { type KeysAndValues, KeyValueCache } from './key-value-cache.ts';

/** Sequences that read one copy of their prompt's cache together; further ones of that prompt read another. */
const WIDTH = 8;

/** Sequences of one prompt, by their slots. */
export interface PromptGroup {
  /** Of its prompt in the cache. */
  place: number;
  readonly slots: number[];
}

/** Which of the running sequences have their prompt in common. A step attends to a prompt once, for all of its sequences: to read the
 * cache takes longer than to compute with it. */
export class PromptGroups {
  readonly #cache: KeyValueCache;
  readonly #heads: number;
  readonly #window: number | undefined;
  /** A product with one row is rounded otherwise (see SLOT_STEP): with one query a key, at least two. */
  readonly #narrowest: number;
  /** By place, without gaps. */
  readonly #groups: PromptGroup[] = [];
  /** By slot. */
  readonly #bySlot: PromptGroup[] = [];

  constructor(config: LlamaConfig, slots: number) {
    this.#cache = new KeyValueCache(config, slots);
    this.#heads = config.numKeyValueHeads;
    this.#window = windowOf(config);
    this.#narrowest = config.numAttentionHeads === config.numKeyValueHeads ? 2 : 1;
  }

  promptLength(slot: number): number {
    return this.#cache.length((this.#bySlot[slot] as PromptGroup).place);
  }

  /** A sequence takes a slot, in the group if it is still there and has room, else in a new one; answers its group. */
  join(group: PromptGroup | undefined, prompt: KeysAndValues, slot: number): PromptGroup {
    const joined = group && group.slots.length > 0 && group.slots.length < WIDTH ? group : this.#open(prompt);
    joined.slots.push(slot);
    this.#bySlot[slot] = joined;
    return joined;
  }

  #open(prompt: KeysAndValues): PromptGroup {
    const group: PromptGroup = { place: this.#groups.length, slots: [] };
    this.#groups.push(group);
    this.#cache.fill(group.place, prompt);
    return group;
  }

  /** A sequence has left its slot; the last of a group takes the group with it. */
  leave(slot: number): void {
    const group = this.#bySlot[slot] as PromptGroup;
    group.slots.splice(group.slots.indexOf(slot), 1);
    if (group.slots.length > 0) return;
    const last = this.#groups.pop() as PromptGroup;
    if (last === group) {
      this.#cache.clear(group.place);
      return;
    }
    this.#cache.move(last.place, group.place);
    last.place = group.place;
    this.#groups[group.place] = last;
  }

  /** A sequence has moved into an empty slot. */
  move(from: number, to: number): void {
    const group = this.#bySlot[from] as PromptGroup;
    group.slots[group.slots.indexOf(from)] = to;
    this.#bySlot[to] = group;
  }

  /** For a step of the first `slots` slots: the prompts' caches of G groups; where the queries of each are, `toGroups` [G, K, W] of
   * S·K; and where a slot's results are, `toSlots` [S, K] of G·K·W; with the shape symbols G, W and D. Where
   * layers have a window, what it leaves of a prompt is a slot's own: `prompt.mask.sliding`, for the next token's position of each. */
  feeds(
    slots: number,
    positions: BigInt64Array,
  ): { readonly feeds: Record<string, Tensor>; readonly symbols: Record<string, number> } {
    this.#cache.reserve(1);
    const heads = this.#heads;
    const widest = this.#groups.reduce((most, group) => Math.max(most, group.slots.length), this.#narrowest);
    const width = 2 ** Math.ceil(Math.log2(widest));
    const count = this.#groups.length;
    const toGroups = new BigInt64Array(count * heads * width);
    const toSlots = new BigInt64Array(slots * heads);
    for (const { place, slots: members } of this.#groups) {
      for (const [member, slot] of members.entries()) {
        for (let head = 0; head < heads; head++) {
          const [row, query] = [(place * heads + head) * width + member, slot * heads + head];
          toGroups[row] = BigInt(query);
          toSlots[query] = BigInt(row);
        }
      }
    }
    return {
      feeds: {
        ...this.#cache.feeds('prompt.', count),
        toGroups: tensor('int64', toGroups, [count, heads, width]),
        toSlots: tensor('int64', toSlots, [slots, heads]),
        ...(this.#window ? this.#windows(slots, positions, this.#window) : {}),
      },
      symbols: { G: count, W: width, D: this.#cache.capacity },
    };
  }

  #windows(slots: number, positions: BigInt64Array, window: number): Record<string, Tensor> {
    const { capacity } = this.#cache;
    const mask = new Float32Array(slots * capacity);
    for (let slot = 0; slot < slots; slot++) {
      const left = Number(positions[slot]) + 1 - window;
      mask.fill(MASKED, slot * capacity, slot * capacity + Math.min(capacity, Math.max(0, left)));
    }
    return { 'prompt.mask.sliding': tensor('float32', mask, [slots, 1, 1, capacity]) };
  }
}
