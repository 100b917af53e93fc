import type { Interval } from '../metrics.ts';

/** One choice: the features of each alternative, the share of being named that each has got (together 1), and the prompt that it
 * shares its difficulty with. */
export interface Chosen {
  readonly x: readonly (readonly number[])[];
  readonly shares: readonly number[];
  readonly prompt: string;
}

/** A coefficient for each feature. */
export interface Fit {
  readonly coefficients: readonly number[];
  /** Standard errors, robust against what choices of one prompt have in common. */
  readonly errors: readonly number[];
}

/** A weak prior, N(0, 1/λ), keeps the fit finite where all choices are right. */
const RIDGE = 1e-3;
const Z = 1.959963984540054;

/** McFadden's conditional logit, P(i is named) = exp(b·xᵢ) / Σⱼ exp(b·xⱼ), by maximum likelihood with Newton's method; errors by
 * the sandwich H⁻¹ (Σ gₚ gₚᵀ) H⁻¹, where gₚ is the score of all choices of prompt p. */
export function conditionalLogit(rows: readonly Chosen[], size = rows[0]?.x[0]?.length ?? 0): Fit {
  const b = new Array<number>(size).fill(0);
  let inverse: number[][] = [];
  for (let step = 0; step < 50; step++) {
    const gradient = b.map((value) => -RIDGE * value);
    const hessian = b.map((_, i) => b.map((_, j) => (i === j ? RIDGE : 0)));
    for (const row of rows) {
      const p = probabilities(row, b);
      addScore(gradient, row, p);
      addInformation(hessian, row, p);
    }
    inverse = inverted(hessian);
    const change = inverse.map((line) => dot(line, gradient));
    const most = Math.max(...change.map(Math.abs));
    // Steps are shortened where the likelihood is flat, so that Newton cannot leap away.
    const scale = Math.min(1, 4 / Math.max(most, 1e-12));
    for (let i = 0; i < size; i++) (b[i] as number) += scale * (change[i] as number);
    if (most < 1e-10) break;
  }
  const scores = new Map<string, number[]>();
  for (const row of rows) {
    const sum = scores.get(row.prompt) ?? new Array<number>(size).fill(0);
    addScore(sum, row, probabilities(row, b));
    scores.set(row.prompt, sum);
  }
  const errors = inverse.map((line) => {
    let variance = 0;
    for (const score of scores.values()) variance += dot(line, score) ** 2;
    return Math.sqrt(variance);
  });
  return { coefficients: b, errors };
}

/** The i-th coefficient ± 1.96 standard errors. */
export function coefficientInterval({ coefficients, errors }: Fit, i: number): Interval {
  const [b, reach] = [coefficients[i] as number, Z * (errors[i] as number)];
  return [b - reach, b + reach];
}

/** In loops without lists of their own, as what follows: they run a dozen times over every verdict. */
function probabilities({ x }: Chosen, b: readonly number[]): Float64Array {
  const p = new Float64Array(x.length);
  let most = Number.NEGATIVE_INFINITY;
  for (let a = 0; a < p.length; a++) {
    p[a] = dot(x[a] as readonly number[], b);
    most = Math.max(most, p[a] as number);
  }
  let total = 0;
  for (let a = 0; a < p.length; a++) {
    p[a] = Math.exp((p[a] as number) - most);
    total += p[a] as number;
  }
  for (let a = 0; a < p.length; a++) (p[a] as number) /= total;
  return p;
}

/** Σᵢ (shareᵢ − pᵢ) xᵢ. */
function addScore(sum: number[], { x, shares }: Chosen, p: Float64Array): void {
  for (let a = 0; a < x.length; a++) {
    const residual = (shares[a] as number) - (p[a] as number);
    const own = x[a] as readonly number[];
    for (let i = 0; i < sum.length; i++) (sum[i] as number) += residual * (own[i] as number);
  }
}

/** Σᵢ pᵢ xᵢ xᵢᵀ − x̄ x̄ᵀ with x̄ = Σᵢ pᵢ xᵢ. */
function addInformation(sum: readonly number[][], { x }: Chosen, p: Float64Array): void {
  const mean = new Float64Array(sum.length);
  for (let a = 0; a < x.length; a++) {
    const own = x[a] as readonly number[];
    for (let i = 0; i < mean.length; i++) (mean[i] as number) += (p[a] as number) * (own[i] as number);
  }
  for (let a = 0; a < x.length; a++) {
    const own = x[a] as readonly number[];
    for (let i = 0; i < mean.length; i++) {
      const weight = (p[a] as number) * ((own[i] as number) - (mean[i] as number));
      const line = sum[i] as number[];
      for (let j = 0; j < mean.length; j++)
        (line[j] as number) += weight * ((own[j] as number) - (mean[j] as number));
    }
  }
}

function dot(a: readonly number[], b: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

/** Gauss–Jordan with pivots; the ridge keeps the matrix positive definite. */
function inverted(matrix: readonly (readonly number[])[]): number[][] {
  const size = matrix.length;
  const work = matrix.map((line, i) => [...line, ...line.map((_, j) => (i === j ? 1 : 0))]);
  for (let at = 0; at < size; at++) {
    let best = at;
    for (let i = at + 1; i < size; i++)
      if (Math.abs(work[i]?.[at] as number) > Math.abs(work[best]?.[at] as number)) best = i;
    [work[at], work[best]] = [work[best] as number[], work[at] as number[]];
    const pivot = work[at] as number[];
    const lead = pivot[at] as number;
    for (let j = 0; j < 2 * size; j++) (pivot[j] as number) /= lead;
    work.forEach((line, i) => {
      if (i === at) return;
      const factor = line[at] as number;
      for (let j = 0; j < 2 * size; j++) (line[j] as number) -= factor * (pivot[j] as number);
    });
  }
  return work.map((line) => line.slice(size));
}
