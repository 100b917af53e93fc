import { conditionalLogit, type Fit } from './conditional-logit.ts';

/** One verdict: its features, whether it was right, and the prompt that it shares its difficulty with. */
export interface Observation {
  readonly x: readonly number[];
  readonly right: boolean;
  readonly prompt: string;
}

export const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** P(right) = σ(b₀ + b·x), intercept first: the conditional logit of two alternatives, of which the wrong one has no features. */
export function logistic(rows: readonly Observation[]): Fit {
  const nothing = new Array<number>(1 + (rows[0]?.x.length ?? 0)).fill(0);
  const chosen = rows.map(({ x, right, prompt }) => ({
    x: [[1, ...x], nothing],
    shares: right ? [1, 0] : [0, 1],
    prompt,
  }));
  return conditionalLogit(chosen, nothing.length);
}
