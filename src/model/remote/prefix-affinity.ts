import { promptText } from '../../model.ts';
import type { Job } from './completion.ts';
import type { Affinity } from './places.ts';

/** Characters of a block: about 16 tokens, in which vLLM keeps what it has read. */
const BLOCK = 64;

/** Blocks that are remembered at least: the prompts of some thousand pairs, which are asked about for minutes, not hours. */
const REMEMBERED = 2 ** 16;

/** Which places have read the beginning of a prompt, and may have it in their prefix cache: the executions of a pair share its instruction
 * and responses, the parts of a guided thought all that came before. A block is known by the hash of the whole prompt up to its end, as
 * in vLLM. */
export class PrefixAffinity implements Affinity<Job> {
  readonly #places: number;
  readonly #remembered: number;
  /** The places that each block was sent to, lately and before. A map that is emptied from its front would be slow. */
  #lately = new Map<number, readonly number[]>();
  #before = new Map<number, readonly number[]>();

  constructor(places: number, remembered = REMEMBERED) {
    this.#places = places;
    this.#remembered = remembered;
  }

  known(job: Job): readonly number[] {
    const blocks = blocksOf(job);
    const depth = new Array<number>(this.#places).fill(0);
    for (const [index, block] of blocks.entries()) {
      const places = this.#sentTo(block);
      if (places === undefined) break;
      for (const place of places) if (depth[place] === index) depth[place] = index + 1;
    }
    return depth.map((count) => count / blocks.length);
  }

  sent(job: Job, place: number): void {
    for (const block of blocksOf(job)) {
      const places = this.#sentTo(block) ?? [];
      this.#lately.set(block, places.includes(place) ? places : [...places, place]);
    }
    if (this.#lately.size < this.#remembered) return;
    this.#before = this.#lately;
    this.#lately = new Map();
  }

  #sentTo(block: number): readonly number[] | undefined {
    return this.#lately.get(block) ?? this.#before.get(block);
  }
}

/** The hash of a prompt up to the end of each of its blocks: FNV-1a, of which a collision costs no more than a cache. */
function blocksOf({ requests }: Job): number[] {
  const [first] = requests;
  const text = first === undefined ? '' : promptText(first.prompt);
  const blocks: number[] = [];
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
    if (i % BLOCK === BLOCK - 1 || i === text.length - 1) blocks.push(hash);
  }
  return blocks;
}
