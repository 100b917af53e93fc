import type { TrainStep } from '../../trainer.ts';

/** A row of a job's metrics: numbers by name, as `train/loss`. Rows of evaluations have other names. */
export type Metrics = Readonly<Record<string, number>>;

/** Steps of a training out of the service's metrics, each once and in order. The figures of a row stand for the steps before it that
 * have none of their own. */
export class Steps {
  readonly #of: { readonly steps: number; readonly tokens: number };
  #last = 0;
  /** Nanoseconds since 1970. */
  #time: number | undefined;

  /** `tokens`: of the whole training; the service does not tell those of a step, so each has the mean. */
  constructor(of: { readonly steps: number; readonly tokens: number }) {
    this.#of = of;
  }

  /** The step that was told last. */
  get last(): number {
    return this.#last;
  }

  *read(rows: readonly Metrics[]): Generator<TrainStep> {
    const { steps, tokens } = this.#of;
    const at = (row: Metrics) => row['train/global_step'] ?? 0;
    const own = rows.filter((row) => row['train/loss'] !== undefined).sort((a, b) => at(a) - at(b));
    for (const row of own) {
      const [from, to] = [this.#last + 1, Math.round(at(row))];
      if (to < from) continue;
      const time = row.timestamp ?? this.#time ?? 0;
      const seconds = (time - (this.#time ?? time)) / 1e9 / (to - from + 1);
      this.#time = time;
      for (let step = from; step <= to; step++) {
        this.#last = step;
        yield {
          step,
          steps: Math.max(steps, to),
          loss: row['train/loss'] as number,
          learningRate: row['train/learning_rate'] ?? 0,
          gradNorm: row['train/grad_norm'] ?? 0,
          tokens: Math.round(tokens / steps),
          seconds: Math.max(0, seconds),
        };
      }
    }
  }
}
