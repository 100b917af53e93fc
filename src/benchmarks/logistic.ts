import type { Interval } from './metrics.ts';

/** One verdict: its features, whether it was right, and the prompt that it shares its difficulty with. */
export interface Observation {
  readonly x: readonly number[];
  readonly right: boolean;
  readonly prompt: string;
}

/** Intercept first, then one for each feature. */
export interface Fit {
  readonly coefficients: readonly number[];
  /** Standard errors, robust against what verdicts of one prompt have in common. */
  readonly errors: readonly number[];
}

/** A weak prior, N(0, 1/λ), keeps the fit finite where all verdicts are right. */
const RIDGE = 1e-3;
const Z = 1.959963984540054;

export const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Maximum likelihood of P(right) = σ(b₀ + b·x) by Newton's method; errors by the sandwich H⁻¹ (Σ gₚ gₚᵀ) H⁻¹, where gₚ is the
 * score of all verdicts of prompt p. */
export function logistic(rows: readonly Observation[]): Fit {
  const size = 1 + (rows[0]?.x.length ?? 0);
  const x = rows.map((row) => [1, ...row.x]);
  const b = new Array<number>(size).fill(0);
  const chance = (row: readonly number[]) => sigmoid(dot(row, b));
  let inverse: number[][] = [];
  for (let step = 0; step < 50; step++) {
    const gradient = b.map((value) => -RIDGE * value);
    const hessian = b.map((_, i) => b.map((_, j) => (i === j ? RIDGE : 0)));
    rows.forEach(({ right }, n) => {
      const row = x[n] as number[];
      const p = chance(row);
      const residual = (right ? 1 : 0) - p;
      const weight = p * (1 - p);
      for (let i = 0; i < size; i++) {
        const at = row[i] as number;
        (gradient[i] as number) += residual * at;
        const line = hessian[i] as number[];
        for (let j = 0; j < size; j++) (line[j] as number) += weight * at * (row[j] as number);
      }
    });
    inverse = inverted(hessian);
    const change = inverse.map((line) => dot(line, gradient));
    const most = Math.max(...change.map(Math.abs));
    // Steps are shortened where the likelihood is flat, so that Newton cannot leap away.
    const scale = Math.min(1, 4 / Math.max(most, 1e-12));
    for (let i = 0; i < size; i++) (b[i] as number) += scale * (change[i] as number);
    if (most < 1e-10) break;
  }
  const scores = new Map<string, number[]>();
  rows.forEach(({ right, prompt }, n) => {
    const row = x[n] as number[];
    const residual = (right ? 1 : 0) - chance(row);
    const sum = scores.get(prompt) ?? new Array<number>(size).fill(0);
    for (let i = 0; i < size; i++) (sum[i] as number) += residual * (row[i] as number);
    scores.set(prompt, sum);
  });
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
