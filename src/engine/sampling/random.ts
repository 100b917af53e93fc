/** A stream of uniform numbers in [0, 1). */
export type Random = () => number;

/** mulberry32: one stream for each sequence, from its own seed. The engine imports nothing outside itself, so it does not
 * share src/random.ts. */
export function sequenceRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
