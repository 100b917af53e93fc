import { createHash } from 'node:crypto';
import type { Sequence } from '../engine/training/sequence.ts';
import type { Kept } from '../engine/training/trainer.ts';
import { LineLog } from './line-log.ts';

/** Keeps the reference's log-probabilities, a slice in a line: a training that goes on need not compute them again. `origin` is
 * what they are a function of; values of another one go. */
export function openReference(path: string, origin: string): Kept & { close(): void } {
  const slices = new Map<number, Float64Array>();
  let known = false;
  const log = LineLog.open(path, (line) => {
    if (!known) {
      known = (line as { origin?: string }).origin === origin;
      return known;
    }
    const { slice, values } = line as { slice: number; values: number[] };
    slices.set(slice, Float64Array.from(values));
    return true;
  });
  if (!known) log.append({ origin });
  return {
    get: (slice) => slices.get(slice),
    put(slice, values) {
      // JSON has no infinity; such a training diverges, whether it is computed again or not.
      if (values.every(Number.isFinite)) log.append({ slice, values: [...values] });
    },
    close: () => log.close(),
  };
}

/** Identifies a model and the sequences that it reads, in their order. */
export function originOf(revision: string, sequences: readonly Sequence<Int32Array>[]): string {
  const hash = createHash('sha256').update(revision);
  for (const { ids, start } of sequences) {
    hash.update(Int32Array.of(ids.length, start));
    hash.update(ids);
  }
  return hash.digest('hex');
}
