import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tinyParameters } from '../llama/tiny.contract.ts';
import { numbers } from '../ops/finite-difference.contract.ts';
import { AdamW, clipScale, sumOfSquares } from './adamw.ts';

const options = { betas: [0.9, 0.95] as const, weightDecay: 0.1 };

/** Where each parameter lies in `flat`, and whether it is a matrix. */
function layout(parameters: ReturnType<typeof tinyParameters>): boolean[] {
  return parameters.shapes.flatMap(({ shape }) =>
    new Array<boolean>(shape.reduce((a, b) => a * b, 1)).fill(shape.length === 2),
  );
}

describe('AdamW', () => {
  it('follows algorithm 2 of arXiv 1711.05101 in double precision for 20 steps; only matrices decay', () => {
    const parameters = tinyParameters();
    const adamw = new AdamW(parameters, options);
    const isMatrix = layout(parameters);
    const theta = Float64Array.from(parameters.flat);
    const [m, v] = [new Float64Array(theta.length), new Float64Array(theta.length)];
    const start = Float64Array.from(theta);
    for (let t = 1; t <= 20; t++) {
      const gradient = Float32Array.from(numbers(theta.length, t, 3 / t));
      const rate = 1e-2 / t;
      const scale = t % 2 === 0 ? 0.25 : 1;
      for (let i = 0; i < theta.length; i++) {
        const g = scale * gradient[i]!;
        m[i] = 0.9 * m[i]! + (1 - 0.9) * g;
        v[i] = 0.95 * v[i]! + (1 - 0.95) * g * g;
        const mHat = m[i]! / (1 - 0.9 ** t);
        const vHat = v[i]! / (1 - 0.95 ** t);
        const decay = isMatrix[i] ? 0.1 * theta[i]! : 0;
        theta[i] = theta[i]! - rate * (mHat / (Math.sqrt(vHat) + 1e-8) + decay);
      }
      adamw.step(gradient, rate, scale);
    }
    expect(adamw.updates).toBe(20);
    let [worst, moved] = [0, 0];
    for (let i = 0; i < theta.length; i++) {
      worst = Math.max(worst, Math.abs(parameters.flat[i]! - theta[i]!));
      moved = Math.max(moved, Math.abs(start[i]! - theta[i]!));
    }
    expect(moved).toBeGreaterThan(0.01);
    expect(worst).toBeLessThan(3e-6);
  });

  it('moves by the learning rate against the sign of a constant gradient, whatever its size', () => {
    // m̂ = g and v̂ = g² at every step, so the update is η g/|g|.
    const parameters = tinyParameters();
    const before = Float64Array.from(parameters.flat);
    const adamw = new AdamW(parameters, { betas: [0.9, 0.999], weightDecay: 0 });
    const gradient = Float32Array.from(before, (_, i) => (i % 3 === 0 ? -1e-3 : 20));
    for (let t = 0; t < 5; t++) adamw.step(gradient, 0.01);
    for (const [i, value] of parameters.flat.entries()) {
      expect(value - before[i]!).toBeCloseTo(i % 3 === 0 ? 0.05 : -0.05, 5);
    }
  });

  it('without a gradient only decay moves a weight, and never a gain', () => {
    const parameters = tinyParameters();
    const before = Float64Array.from(parameters.flat);
    const isMatrix = layout(parameters);
    const adamw = new AdamW(parameters, { ...options, weightDecay: 0.5 });
    adamw.step(new Float32Array(before.length), 0.1);
    for (const [i, value] of parameters.flat.entries()) {
      if (isMatrix[i]) expect(value).toBeCloseTo(before[i]! * (1 - 0.1 * 0.5), 6);
      else expect(value).toBe(Math.fround(before[i]!));
    }
  });
});

describe('clipping', () => {
  it('sums the squares of a stretch', () => {
    expect(sumOfSquares(Float32Array.of(3, -4, 12), { start: 0, end: 3 })).toBe(169);
    expect(sumOfSquares(Float32Array.of(3, -4, 12), { start: 1, end: 2 })).toBe(16);
  });

  it('brings a larger norm down to the maximum and leaves a smaller one', () => {
    // torch.nn.utils.clip_grad_norm_: min(1, max_norm / (total_norm + 1e-6)).
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 1e6, noNaN: true }),
        fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
        (norm, maximum) => {
          const scale = clipScale(norm, maximum);
          expect(scale).toBeLessThanOrEqual(1);
          expect(norm * scale).toBeLessThanOrEqual(maximum);
          if (norm < maximum - 1e-5) expect(scale).toBe(1);
          else expect(norm * scale).toBeCloseTo(maximum, 2);
        },
      ),
    );
    expect(clipScale(10, 1)).toBeCloseTo(0.1, 7);
  });
});
