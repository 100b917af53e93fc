import type { Thought } from '../types.ts';

/** Where thoughts go wrong: does the plan fail, or its execution? */
export interface PlanSuccess {
  /** Plans with at least one thought, by how often their thoughts are right. */
  readonly plans: { readonly alwaysRight: number; readonly mixed: number; readonly neverRight: number };
  /** Of the wrong thoughts, those of plans that are never right: there the plan fails; elsewhere its execution. */
  readonly wrong: { readonly thoughts: number; readonly planFails: number; readonly executionFails: number };
  /** Intraclass correlation of the thoughts of one plan among the plans of its response pair: 1, the plan decides; 0, a plan is
   * as good as any other (it can be a little below). Null without response pairs of two plans and plans of two thoughts. */
  readonly planEffect: number | null;
}

/** Adds up a PlanSuccess, response pair by response pair. */
export class PlanCount {
  readonly #plans = { alwaysRight: 0, mixed: 0, neverRight: 0 };
  #wrong = 0;
  #planFails = 0;
  #between = 0;
  #betweenFreedom = 0;
  #within = 0;
  #withinFreedom = 0;
  #sizes = 0;
  #squares = 0;

  /** All thoughts of one response pair. */
  add(thoughts: readonly Thought[]): void {
    const byPlan = Map.groupBy(thoughts, ({ planIndex }) => planIndex);
    const plans = [...byPlan.values()].map((own) => ({
      n: own.length,
      right: own.filter(({ correct }) => correct).length,
    }));
    for (const { n, right } of plans) {
      this.#wrong += n - right;
      if (right === 0) this.#planFails += n;
      this.#plans[right === n ? 'alwaysRight' : right === 0 ? 'neverRight' : 'mixed']++;
    }
    if (plans.length < 2) return;
    const total = plans.reduce((sum, { n }) => sum + n, 0);
    const mean = plans.reduce((sum, { right }) => sum + right, 0) / total;
    for (const { n, right } of plans) {
      const p = right / n;
      this.#between += n * (p - mean) ** 2;
      this.#within += n * p * (1 - p);
      this.#withinFreedom += n - 1;
      this.#squares += n * n;
    }
    this.#sizes += total;
    this.#betweenFreedom += plans.length - 1;
  }

  report(): PlanSuccess {
    return {
      plans: this.#plans,
      wrong: {
        thoughts: this.#wrong,
        planFails: this.#planFails,
        executionFails: this.#wrong - this.#planFails,
      },
      planEffect: this.#effect(),
    };
  }

  /** One-way analysis of variance, plans nested in response pairs: (MSB − MSW) / (MSB + (n₀ − 1) MSW), n₀ the thoughts of a plan. */
  #effect(): number | null {
    if (this.#betweenFreedom === 0 || this.#withinFreedom === 0) return null;
    const between = this.#between / this.#betweenFreedom;
    const within = this.#within / this.#withinFreedom;
    const size = this.#squares / this.#sizes;
    const whole = between + (size - 1) * within;
    return whole === 0 ? null : (between - within) / whole;
  }
}
