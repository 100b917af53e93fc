import { sizeOf } from '../graph.ts';
import type { FlatTensors } from '../tensors.ts';

export interface AdamWOptions {
  readonly betas: readonly [number, number];
  readonly weightDecay: number;
  readonly epsilon?: number;
}

/** A stretch of the flat arrays whose weights decay, or do not. */
export interface Stretch {
  readonly start: number;
  readonly end: number;
  readonly decays: boolean;
}

/** What one update reads and writes: flat arrays of one length. */
export interface AdamWArrays {
  readonly theta: Float32Array;
  readonly gradient: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
}

/** The numbers of one update. */
export interface AdamWUpdate {
  readonly beta1: number;
  readonly beta2: number;
  /** η / (1 − β₁ᵗ) */
  readonly rate: number;
  /** 1 / √(1 − β₂ᵗ) */
  readonly correction: number;
  readonly epsilon: number;
  /** 1 − ηλ, for weights that decay. */
  readonly keep: number;
  /** Clipping: the gradient is multiplied by it first. */
  readonly gradientScale: number;
}

/** One update in place of some stretches. No weight depends on another: any thread may take any of them. */
export function adamwUpdate(
  { theta, gradient, m, v }: AdamWArrays,
  stretches: readonly Stretch[],
  { beta1, beta2, rate, correction, epsilon, keep, gradientScale }: AdamWUpdate,
): void {
  for (const { start, end, decays } of stretches) {
    const kept = decays ? keep : 1;
    for (let i = start; i < end; i++) {
      const g = (gradient[i] as number) * gradientScale;
      const mean = beta1 * (m[i] as number) + (1 - beta1) * g;
      const square = beta2 * (v[i] as number) + (1 - beta2) * g * g;
      m[i] = mean;
      v[i] = square;
      theta[i] = (theta[i] as number) * kept - (rate * mean) / (Math.sqrt(square) * correction + epsilon);
    }
  }
}

/** AdamW (Loshchilov & Hutter, algorithm 2): m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g²,
 * θ ← θ − η (m̂ / (√v̂ + ε) + λθ). Weight decay applies to matrices only, as transformers' Trainer does. */
export class AdamW {
  readonly #parameters: FlatTensors;
  readonly #options: AdamWOptions;
  /** First and second moments, and the number of updates: with the weights, all there is to resume from. */
  readonly m: Float32Array<SharedArrayBuffer>;
  readonly v: Float32Array<SharedArrayBuffer>;
  updates = 0;

  constructor(parameters: FlatTensors, options: AdamWOptions) {
    this.#parameters = parameters;
    this.#options = options;
    this.m = parameters.zeros().flat;
    this.v = parameters.zeros().flat;
  }

  /** The next update's numbers, counted as made. */
  next(learningRate: number, gradientScale = 1): AdamWUpdate {
    const { betas, weightDecay, epsilon = 1e-8 } = this.#options;
    const [beta1, beta2] = betas;
    this.updates++;
    return {
      beta1,
      beta2,
      rate: learningRate / (1 - beta1 ** this.updates),
      correction: 1 / Math.sqrt(1 - beta2 ** this.updates),
      epsilon,
      keep: 1 - learningRate * weightDecay,
      gradientScale,
    };
  }

  /** All weights in so many parts of about one size. */
  parts(count: number): Stretch[][] {
    const total = this.m.length;
    return Array.from({ length: count }, (_, part) => {
      const [from, to] = [part, part + 1].map((edge) => Math.floor((edge * total) / count)) as [
        number,
        number,
      ];
      const out: Stretch[] = [];
      let at = 0;
      for (const { shape } of this.#parameters.shapes) {
        const [start, end] = [Math.max(at, from), Math.min(at + sizeOf(shape), to)];
        at += sizeOf(shape);
        if (start < end) out.push({ start, end, decays: shape.length > 1 });
      }
      return out;
    });
  }

  /** One update on this thread. */
  step(gradient: Float32Array, learningRate: number, gradientScale = 1): void {
    const { m, v } = this;
    const arrays = { theta: this.#parameters.flat, gradient, m, v };
    adamwUpdate(arrays, this.parts(1).flat(), this.next(learningRate, gradientScale));
  }
}

/** Σ g² over a stretch of a gradient. */
export function sumOfSquares(gradient: Float32Array, { start, end }: Pick<Stretch, 'start' | 'end'>): number {
  let sum = 0;
  for (let i = start; i < end; i++) {
    const g = gradient[i] as number;
    // V8 calls pow for g ** 2 once it has optimised this.
    sum += g * g;
  }
  return sum;
}

/** The factor that brings a gradient's norm down to `maximum`, as torch's clip_grad_norm_ has it. */
export function clipScale(norm: number, maximum: number): number {
  return Math.min(1, maximum / (norm + 1e-6));
}
