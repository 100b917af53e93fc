/** A stream of uniform numbers in [0, 1). */
export type Random = () => number;

/** mulberry32: one stream for each sequence, from its own seed, mixed before as murmur3 ends: samples of one prompt have seeds that follow
 * each other, and states that do are not known to be far apart in all that is drawn from them. The engine imports nothing outside
 * itself, so it does not share src/random.ts. */
export function sequenceRandom(seed: number): Random {
  let state = seed >>> 0;
  state = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  state = (state ^ (state >>> 16)) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
