import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseToken } from './choose.ts';
import { sequenceRandom } from './random.ts';

const never = () => {
  throw new Error('greedy needs no randomness');
};
const HIGHEST = 1 - 2 ** -32;

/** Top-p as its definition reads (Holtzman et al., arXiv 1904.09751): sort everything, keep the shortest prefix that
 * reaches p. The kept tokens with their probabilities; null where rounding may decide which is the last. */
function nucleus(logits: Float32Array, temperature: number, topP: number): Map<number, number> | null {
  const top = Math.max(...logits);
  const weights = Array.from(logits, (logit) => Math.exp((logit - top) / temperature));
  const total = weights.reduce((a, b) => a + b, 0);
  const sorted = [...weights.keys()].sort((a, b) => weights[b]! - weights[a]! || a - b);
  const kept: number[] = [];
  let mass = 0;
  for (const token of sorted) {
    kept.push(token);
    mass += weights[token]! / total;
    if (topP < 1 && Math.abs(mass - topP) < 1e-5) return null;
    if (mass >= topP) break;
  }
  return new Map(kept.map((token) => [token, weights[token]! / total / mass]));
}

/** How often each token was drawn. */
function drawn(logits: Float32Array, temperature: number, topP: number, draws: number): Map<number, number> {
  const uniform = sequenceRandom(draws);
  const counts = new Map<number, number>();
  for (let i = 0; i < draws; i++) {
    const token = chooseToken(logits, temperature, topP, uniform);
    counts.set(token, (counts.get(token) ?? 0) + 1);
  }
  return counts;
}

/** Pearson's χ² of counts against probabilities, in standard deviations above its mean; rare tokens are taken together. */
function excess(counts: ReadonlyMap<number, number>, expected: ReadonlyMap<number, number>): number {
  const draws = [...counts.values()].reduce((a, b) => a + b, 0);
  const cells: [number, number][] = [];
  let [rareSeen, rareExpected] = [0, 0];
  for (const [token, probability] of expected) {
    const seen = counts.get(token) ?? 0;
    if (probability * draws >= 10) cells.push([seen, probability * draws]);
    else [rareSeen, rareExpected] = [rareSeen + seen, rareExpected + probability * draws];
  }
  if (rareExpected >= 10) cells.push([rareSeen, rareExpected]);
  if (cells.length < 2) return 0;
  const statistic = cells.reduce((sum, [seen, mean]) => sum + (seen - mean) ** 2 / mean, 0);
  return (statistic - (cells.length - 1)) / Math.sqrt(2 * (cells.length - 1));
}

/** Logits whose likeliest and least likely token are 18 temperatures apart at most, with many ties; others differ by what 32 bits
 * tell apart. */
const cases = fc
  .record({
    spread: fc.array(
      fc.oneof(
        fc.integer({ min: 0, max: 12 }),
        fc.integer({ min: 0, max: 18 * 64 }).map((value) => value / 64),
      ),
      { minLength: 1, maxLength: 60 },
    ),
    temperature: fc.constantFrom(0.05, 0.5, 0.8, 1, 3, 1000),
    topP: fc.oneof(fc.double({ min: 0.01, max: 0.999, noNaN: true }), fc.constantFrom(0.95, 1)),
  })
  .map(({ spread, temperature, topP }) => ({
    logits: Float32Array.from(spread, (value) => value * temperature),
    temperature,
    topP,
  }));

describe('chooseToken', () => {
  it('draws from the nucleus and nothing else, each token as often as its probability says', () => {
    fc.assert(
      fc.property(cases, ({ logits, temperature, topP }) => {
        const expected = nucleus(logits, temperature, topP);
        fc.pre(expected !== null);
        const counts = drawn(logits, temperature, topP, 2000);
        // Of thousands of nearly equal ones the sums in 32 and 64 bits may part at the edge, by a neighbour.
        const edge = Math.min(...[...expected.keys()].map((token) => logits[token] as number));
        for (const token of counts.keys()) {
          expect(logits[token]).toBeGreaterThan(edge - 1e-5);
          if (!expected.has(token)) counts.delete(token);
        }
        expect(excess(counts, expected)).toBeLessThan(7);
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it('does so in a large vocabulary, flat or peaked', () => {
    for (const spread of [0, 0.01, 1, 15]) {
      const uniform = sequenceRandom(spread * 100);
      const logits = Float32Array.from({ length: 5001 }, () => spread * uniform() ** 3);
      for (const topP of [0.01, 0.5, 0.95, 1]) {
        const expected = nucleus(logits, 0.8, topP);
        // All equal: rounding may decide.
        if (expected === null) continue;
        const counts = drawn(logits, 0.8, topP, 10_000);
        // Of thousands of nearly equal ones the sums in 32 and 64 bits may part at the edge, by a neighbour.
        const edge = Math.min(...[...expected.keys()].map((token) => logits[token] as number));
        for (const token of counts.keys()) {
          expect(logits[token]).toBeGreaterThan(edge - 1e-5);
          if (!expected.has(token)) counts.delete(token);
        }
        expect(excess(counts, expected)).toBeLessThan(5);
      }
    }
  });

  it('is not touched by the row before, larger or smaller', () => {
    const row = (length: number, seed: number) => {
      const uniform = sequenceRandom(seed);
      return Float32Array.from({ length }, () => 4 * uniform());
    };
    const rows = [row(7, 1), row(40_000, 2), row(1, 3), row(129, 4), row(20_000, 5)];
    const draw = (i: number) => drawn(rows[i]!, 0.8, 0.9, 30);
    const alone = [...rows.keys()].map(draw);
    for (const i of [4, 0, 1, 3, 2, 0]) expect(draw(i)).toEqual(alone[i]);
  });

  it('never leaves the nucleus, at either end of the uniform', () => {
    fc.assert(
      fc.property(cases, ({ logits, temperature, topP }) => {
        const kept = nucleus(logits, temperature, topP);
        fc.pre(kept !== null);
        for (const end of [0, HIGHEST])
          expect(kept.has(chooseToken(logits, temperature, topP, () => end))).toBe(true);
      }),
    );
  });

  it('weighs each token by exp of its logit, in 32 bits', () => {
    for (let z = 0; z < 14; z += 0.37) {
      const first = 1 / (1 + Math.exp(-z));
      const at = (point: number) => chooseToken(Float32Array.of(z, 0), 1, 1, () => point);
      expect(at(first - 4e-7)).toBe(0);
      expect(at(first + 4e-7)).toBe(1);
    }
  });

  it('is greedy at temperature 0, the first of equals, and draws nothing', () => {
    expect(chooseToken(Float32Array.of(1, 5, 3, 5), 0, 0.5, never)).toBe(1);
    expect(chooseToken(Float32Array.of(-Infinity, -1e30), 0, 1, never)).toBe(1);
    expect(chooseToken(Float32Array.of(7), 0, 1, never)).toBe(0);
  });

  it('is greedy in effect at a temperature near 0 and uniform at a huge one', () => {
    const logits = Float32Array.of(0, 2, 1, -3);
    expect(chooseToken(logits, 1e-6, 1, () => HIGHEST)).toBe(1);
    expect(chooseToken(logits, Number.MIN_VALUE, 1, () => HIGHEST)).toBe(1);
    const quarters = [0.1, 0.3, 0.6, 0.9].map((point) => chooseToken(logits, 1e9, 1, () => point));
    expect(quarters).toEqual([0, 1, 2, 3]);
  });

  it('breaks ties by token id: a nucleus among equals holds the first of them', () => {
    const equal = new Float32Array(8).fill(3);
    const tokens = (topP: number) => [...drawn(equal, 1, topP, 200).keys()].sort();
    expect(tokens(0.5)).toEqual([0, 1, 2, 3]);
    expect(tokens(0.51)).toEqual([0, 1, 2, 3, 4]);
    expect(tokens(1)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('keeps at least the likeliest token, however small topP is', () => {
    const logits = Float32Array.of(0, 1, 0.5);
    for (const topP of [0, 1e-300, 1e-9]) {
      expect(chooseToken(logits, 1, topP, () => HIGHEST)).toBe(1);
      expect(chooseToken(Float32Array.of(2, 2), 1, topP, () => HIGHEST)).toBe(0);
    }
  });

  it('chooses a token also of logits that are no numbers', () => {
    for (const value of [Number.NaN, -Infinity])
      expect(chooseToken(new Float32Array(3).fill(value), 0.8, 0.9, () => 0.5)).toBe(0);
  });

  it('never draws what is impossible or negligible', () => {
    const logits = Float32Array.of(-Infinity, 0, -1000, -Infinity);
    for (const point of [0, 0.5, HIGHEST]) expect(chooseToken(logits, 1, 1, () => point)).toBe(1);
  });
});
