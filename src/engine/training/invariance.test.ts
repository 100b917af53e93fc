import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TINY, tinyParameters, tokens } from '../llama/tiny.contract.ts';
import { GradientRunner } from './gradients.ts';
import { addLogProbabilities } from './log-probabilities.ts';
import { microBatches, type Sequence } from './sequence.ts';

let runner: GradientRunner;
beforeAll(() => {
  runner = new GradientRunner(tinyParameters(), 1);
});
afterAll(() => runner.close());

/** Log-probabilities of the completions, in micro-batches of at most so many tokens. */
async function score(sequences: readonly Sequence[], unit: 1 | 2, limit: number): Promise<Float64Array> {
  const out = new Float64Array(sequences.length);
  const layout = { tokens: limit, unit, padId: TINY.padTokenId };
  for (const { micro, indices } of microBatches(sequences, layout)) {
    const { logp } = await runner.run({ kind: 'logp', micro, first: true }, new Float32Array(0));
    addLogProbabilities(micro, indices, logp, out);
  }
  return out;
}

/** Two sequences that begin alike, by the length of what they share and of each one's rest. */
const pair = fc
  .record({
    shared: fc.integer({ min: 1, max: 30 }),
    rest: fc.tuple(fc.integer({ min: 1, max: 17 }), fc.integer({ min: 1, max: 17 })),
    start: fc.integer({ min: 1, max: 30 }),
    seed: fc.nat(10_000),
  })
  .map(({ shared, rest, start, seed }): [Sequence, Sequence] => {
    const head = tokens(shared, seed);
    const make = (count: number, i: number) => ({
      ids: [...head, ...tokens(count, seed + 1 + i)],
      start: Math.min(start, shared),
    });
    return [make(rest[0], 0), make(rest[1], 1)];
  });

it('a sequence’s log-probability is within 1e-4 whatever the padding, the packing, the company and the batch size', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(pair, { minLength: 1, maxLength: 6 }), fc.nat(600), async (pairs, limit) => {
      const sequences = pairs.flat();
      const alone = new Float64Array(sequences.length);
      for (const [i, sequence] of sequences.entries()) alone[i] = (await score([sequence], 1, 1))[0]!;
      const together = await score(sequences, 1, limit);
      const backwards = (await score(sequences.toReversed(), 1, limit)).toReversed();
      // Both of a pair in one row, what they share laid out once.
      const packed = await score(sequences, 2, limit);
      for (const found of [together, backwards, packed]) {
        for (const [i, logp] of alone.entries()) expect(Math.abs(found[i]! - logp)).toBeLessThan(1e-4);
      }
    }),
    { numRuns: 40 },
  );
});
