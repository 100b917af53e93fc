import type { Resolved } from '../config.ts';
import { EvalPlannerError } from '../errors.ts';
import type { Spent, StageRecord } from '../store.ts';

/** What a run may still spend: money, tokens and time over all of its stages, as the ledger's account has them. */
export class RunBudget {
  readonly #limits: readonly (readonly [field: string, limit: number, of: (spent: Spent) => number])[];
  #spent: Required<Spent>;

  constructor({ cost, tokens, hours }: NonNullable<Resolved['budget']>, stages: Iterable<StageRecord>) {
    const limit = (field: string, value: number | undefined, of: (spent: Spent) => number) =>
      value === undefined ? [] : [[field, value, of] as const];
    this.#limits = [
      ...limit('cost', cost, (spent) => spent.cost ?? 0),
      ...limit('tokens', tokens, (spent) => (spent.promptTokens ?? 0) + spent.tokens),
      ...limit('hours', hours, (spent) => spent.seconds / 3600),
    ];
    this.#spent = { seconds: 0, tokens: 0, promptTokens: 0, cost: 0 };
    for (const stage of stages) this.add({ ...stage, tokens: stage.kind === 'train' ? 0 : stage.tokens });
  }

  add(spent: Spent): void {
    this.#spent = sum(this.#spent, spent);
  }

  /** Throws EvalPlannerError `usage` where it and what is not in the account yet are more than there is. */
  check(now: Spent): void {
    const all = sum(this.#spent, now);
    for (const [field, limit, of] of this.#limits) {
      if (of(all) < limit) continue;
      throw new EvalPlannerError(
        'usage',
        `the budget of ${limit} ${field === 'cost' ? 'for models' : field} is spent`,
        `raise budget.${field} in the config and run the same command again: what came so far is kept`,
      );
    }
  }
}

function sum(a: Required<Spent>, b: Spent): Required<Spent> {
  return {
    seconds: a.seconds + b.seconds,
    tokens: a.tokens + b.tokens,
    promptTokens: a.promptTokens + (b.promptTokens ?? 0),
    cost: a.cost + (b.cost ?? 0),
  };
}
