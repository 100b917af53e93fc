import type { Answer, Task } from '../sampling/task.ts';

/** What the verdicts of a benchmark took, whenever they were made. */
export interface Effort {
  /** Generations behind the verdicts. */
  readonly generations: number;
  /** Those of them that were asked for just now; the ledger had the others. */
  readonly asked: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  /** In the currency of the model's prices; null where they are unknown. */
  readonly cost: number | null;
  /** At work, interrupted runs included. */
  readonly seconds: number;
}

/** Counts each generation once, however many pairs share it. */
export class Meter {
  readonly #seen = new Set<string>();
  #asked = 0;
  #promptTokens = 0;
  #completionTokens = 0;
  #cost: number | null = null;

  add(answers: ReadonlyMap<string, Answer>): void {
    for (const [key, { generation, cached }] of answers) {
      if (this.#seen.has(key)) continue;
      this.#seen.add(key);
      if (!cached) this.#asked++;
      this.#promptTokens += generation.promptTokens;
      this.#completionTokens += generation.completionTokens;
      if (generation.cost !== undefined) this.#cost = (this.#cost ?? 0) + generation.cost;
    }
  }

  get asked(): number {
    return this.#asked;
  }

  effort(seconds: number): Effort {
    return {
      generations: this.#seen.size,
      asked: this.#asked,
      promptTokens: this.#promptTokens,
      completionTokens: this.#completionTokens,
      cost: this.#cost,
      seconds,
    };
  }
}

/** A task whose answers are counted. */
export function* metered<T>(task: Task<T>, meter: Meter): Task<T> {
  let step = task.next(new Map());
  while (!step.done) {
    const answers = yield step.value;
    meter.add(answers);
    step = task.next(answers);
  }
  return step.value;
}
