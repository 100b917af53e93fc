import { random, seedOf, shuffle } from '../random.ts';
import type { Optimisation } from '../trainer.ts';

/** Rows are sorted by length within windows of this many batches, so that a batch holds little padding. */
const WINDOW = 8;

/** The rows of each step. */
export function schedule(
  lengths: readonly number[],
  { epochs, batchSize, seed }: Pick<Optimisation, 'epochs' | 'batchSize' | 'seed'>,
): number[][] {
  const next = random(seedOf(seed, 'batches'));
  return Array.from({ length: epochs }, () => {
    const rows = shuffle(next, [...lengths.keys()]);
    const batches: number[][] = [];
    for (let start = 0; start < rows.length; start += WINDOW * batchSize) {
      const window = rows.slice(start, start + WINDOW * batchSize);
      window.sort((a, b) => (lengths[a] as number) - (lengths[b] as number) || a - b);
      for (let at = 0; at < window.length; at += batchSize) batches.push(window.slice(at, at + batchSize));
    }
    return shuffle(next, batches);
  }).flat();
}

/** The steps after which a checkpoint is kept: evenly spread, the last included. */
export function checkpointSteps(steps: number, count: number): number[] {
  const wanted = Array.from({ length: count }, (_, i) => Math.round(((i + 1) * steps) / count));
  return [...new Set(wanted)].filter((step) => step > 0);
}
