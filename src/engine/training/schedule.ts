export interface Schedule {
  readonly peak: number;
  readonly warmupSteps: number;
  readonly steps: number;
  /** The rate at the end as a share of the peak; 0 as in transformers' cosine schedule. */
  readonly floor?: number;
}

/** Linear warm-up to the peak, then half a cosine down; step counts from 0. */
export function learningRate({ peak, warmupSteps, steps, floor = 0 }: Schedule, step: number): number {
  if (step < warmupSteps) return (peak * (step + 1)) / (warmupSteps + 1);
  const progress = (step - warmupSteps) / Math.max(1, steps - warmupSteps);
  return peak * (floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, progress))));
}
