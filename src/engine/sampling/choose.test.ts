import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseToken } from './choose.ts';
import { sequenceRandom } from './random.ts';

const never = () => {
  throw new Error('greedy needs no randomness');
};
const HIGHEST = 1 - 2 ** -32;

/** Top-p as its definition reads (Holtzman et al., arXiv 1904.09751): sort everything, keep the shortest prefix that
 * reaches p. Returns the kept tokens with the upper end of their interval of the uniform. */
function nucleus(logits: Float32Array, temperature: number, topP: number): { token: number; end: number }[] {
  const top = Math.max(...logits);
  const weights = Array.from(logits, (logit) => Math.exp((logit - top) / temperature));
  const total = weights.reduce((a, b) => a + b, 0);
  const sorted = [...weights.keys()].sort((a, b) => weights[b]! - weights[a]! || a - b);
  const kept: number[] = [];
  let mass = 0;
  for (const token of sorted) {
    kept.push(token);
    mass += weights[token]!;
    if (mass >= topP * total) break;
  }
  let sum = 0;
  return kept.map((token) => {
    sum += weights[token]!;
    return { token, end: sum / mass };
  });
}

/** Logits whose likeliest and least likely token are less than NEGLIGIBLE apart, with many ties among them. */
const cases = fc
  .record({
    spread: fc.array(fc.oneof(fc.integer({ min: 0, max: 12 }), fc.double({ min: 0, max: 18, noNaN: true })), {
      minLength: 1,
      maxLength: 60,
    }),
    temperature: fc.constantFrom(0.05, 0.5, 0.8, 1, 3, 1000),
    topP: fc.oneof(fc.double({ min: 0.01, max: 0.999, noNaN: true }), fc.constantFrom(0.95, 1)),
  })
  .map(({ spread, temperature, topP }) => ({
    logits: Float32Array.from(spread, (value) => value * temperature),
    temperature,
    topP,
  }));

describe('chooseToken', () => {
  it('draws exactly the nucleus, each token in its interval', () => {
    fc.assert(
      fc.property(cases, ({ logits, temperature, topP }) => {
        let start = 0;
        for (const { token, end } of nucleus(logits, temperature, topP)) {
          // Inside the interval: its ends differ by the order in which floats were added.
          if (end - start > 1e-9) {
            for (const share of [0.001, 0.5, 0.999]) {
              const point = start + share * (end - start);
              expect(chooseToken(logits, temperature, topP, () => point)).toBe(token);
            }
          }
          start = end;
        }
      }),
    );
  });

  it('makes the reference’s choice for the same uniform', () => {
    fc.assert(
      fc.property(cases, fc.integer(), ({ logits, temperature, topP }, seed) => {
        const [ours, theirs] = [sequenceRandom(seed), sequenceRandom(seed)];
        const kept = nucleus(logits, temperature, topP);
        for (let i = 0; i < 20; i++) {
          const point = theirs();
          const expected = kept.find(({ end }) => point < end) ?? kept.at(-1)!;
          expect(chooseToken(logits, temperature, topP, ours)).toBe(expected.token);
        }
      }),
    );
  });

  it('makes the reference’s choice in a large vocabulary, flat or peaked', () => {
    for (const spread of [0, 0.01, 1, 15]) {
      const uniform = sequenceRandom(spread * 100);
      const logits = Float32Array.from({ length: 5000 }, () => spread * uniform() ** 3);
      for (const topP of [0, 0.5, 0.95, 1]) {
        const kept = nucleus(logits, 0.8, topP);
        for (let i = 0; i < 40; i++) {
          const point = uniform();
          const expected = kept.find(({ end }) => point < end) ?? kept.at(-1)!;
          expect(chooseToken(logits, 0.8, topP, () => point)).toBe(expected.token);
        }
      }
    }
  });

  it('never leaves the nucleus, at either end of the uniform', () => {
    fc.assert(
      fc.property(cases, ({ logits, temperature, topP }) => {
        const kept = nucleus(logits, temperature, topP);
        expect(chooseToken(logits, temperature, topP, () => 0)).toBe(kept[0]!.token);
        const last = chooseToken(logits, temperature, topP, () => HIGHEST);
        expect(kept.map(({ token }) => token)).toContain(last);
      }),
    );
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
    // Sorted by logit: 1, 2, 0, 3, a quarter each.
    const drawn = [0.1, 0.3, 0.6, 0.9].map((point) => chooseToken(logits, 1e9, 1, () => point));
    expect(drawn).toEqual([1, 2, 0, 3]);
  });

  it('breaks ties by token id: a nucleus among equals holds the first of them', () => {
    const equal = new Float32Array(8).fill(3);
    const drawn = (topP: number) =>
      new Set(Array.from({ length: 64 }, (_, i) => chooseToken(equal, 1, topP, () => i / 64)));
    expect(drawn(0.5)).toEqual(new Set([0, 1, 2, 3]));
    expect(drawn(0.51)).toEqual(new Set([0, 1, 2, 3, 4]));
    expect(drawn(1)).toEqual(new Set([0, 1, 2, 3, 4, 5, 6, 7]));
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
