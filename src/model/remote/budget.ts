import { Buffer } from 'node:buffer';
import { EvalPlannerError } from '../../errors.ts';
import { type GenerateRequest, promptText } from '../../model.ts';
import type { Prices } from '../../prices.ts';
import { CallFailure } from './call-failure.ts';
import type { Completion, Job, Paid } from './completion.ts';
import type { Allowance } from './scheduler.ts';

export interface BudgetOptions {
  readonly prices?: Prices;
  /** In the prices' currency; for all calls of one model together. */
  readonly maxCost?: number;
  /** What several models may spend together, in place of `maxCost`. */
  readonly purse?: Purse;
  /** Tokens of prompts and completions together. */
  readonly maxTotalTokens?: number;
}

/** A sum of money that is spent from. */
export class Purse {
  readonly limit: number;
  /** Spent or set aside. */
  spent = 0;

  constructor(limit: number) {
    this.limit = limit;
  }
}

/** What a completion cost. */
export function costOf(completion: Paid & Pick<Completion, 'promptShared'>, prices: Prices): number {
  const { promptTokens, completionTokens, cachedTokens = 0, promptShared } = completion;
  const cached = prices.cached ?? prices.prompt;
  const prompt = promptShared ? 0 : (promptTokens - cachedTokens) * prices.prompt + cachedTokens * cached;
  return (prompt + completionTokens * prices.completion) / 1e6;
}

/** No tokenizer makes more tokens of a text than it has bytes; the rest is what chat templates add. */
function mostPromptTokens({ prompt }: GenerateRequest): number {
  return Buffer.byteLength(promptText(prompt)) + 32 + 32 * prompt.messages.length;
}

/** What a request may use at most. */
function most(request: GenerateRequest): Paid {
  return { promptTokens: mostPromptTokens(request), completionTokens: request.maxTokens };
}

/** Keeps calls within a sum of money and of tokens. Before a call is sent, the most that it may cost is set aside, so that the
 * sum is never exceeded. What came is counted whether or not it could be read; a call that was cut off counts in full, since a
 * provider may charge for it, and so does one whose server does not say what it used. */
export class Budget implements Allowance<Job, void> {
  readonly #prices: Prices | undefined;
  readonly #purse: Purse;
  readonly #maxTokens: number;
  /** Spent or set aside. */
  #tokens = 0;
  readonly #reserved = new Map<Job, { cost: number; tokens: number; had: number }>();

  constructor({ prices, maxCost, purse, maxTotalTokens }: BudgetOptions) {
    if ((maxCost ?? purse) !== undefined && prices === undefined) {
      throw new EvalPlannerError(
        'usage',
        'a limit of the cost needs prices',
        'give the prices of one million prompt and completion tokens too',
      );
    }
    this.#prices = prices;
    this.#purse = purse ?? new Purse(maxCost ?? Number.POSITIVE_INFINITY);
    this.#maxTokens = maxTotalTokens ?? Number.POSITIVE_INFINITY;
  }

  reserve(job: Job): boolean {
    let [cost, tokens] = [0, 0];
    for (const request of job.requests.slice(job.completions.length)) {
      const used = most(request);
      tokens += used.promptTokens + used.completionTokens;
      if (this.#prices) cost += costOf(used, this.#prices);
    }
    if (this.#purse.spent + cost > this.#purse.limit || this.#tokens + tokens > this.#maxTokens) return false;
    this.#purse.spent += cost;
    this.#tokens += tokens;
    this.#reserved.set(job, { cost, tokens, had: job.completions.length });
    return true;
  }

  // biome-ignore lint/suspicious/noConfusingVoidType: a job's result is in the job
  settle(job: Job, answer: void | CallFailure | null): void {
    const reserved = this.#reserved.get(job);
    if (!reserved) return;
    this.#reserved.delete(job);
    const failure = answer instanceof CallFailure ? answer : null;
    const cutOff =
      answer === null || (failure && !failure.paid && /timeout|transient|lost/.test(failure.kind));
    if (cutOff) return;
    this.#purse.spent -= reserved.cost;
    this.#tokens -= reserved.tokens;
    for (const [i, completion] of job.completions.entries()) {
      if (i >= reserved.had)
        this.#count(completion.unmetered ? most(job.requests[i] as GenerateRequest) : completion);
    }
    if (failure?.paid) this.#count(failure.paid);
  }

  #count(used: Paid & Pick<Completion, 'promptShared'>): void {
    if (this.#prices) this.#purse.spent += costOf(used, this.#prices);
    this.#tokens += used.completionTokens + (used.promptShared ? 0 : used.promptTokens);
  }

  spent(): EvalPlannerError {
    const { limit, spent } = this.#purse;
    const what = Number.isFinite(limit) ? `cost of ${limit}` : `${this.#maxTokens} tokens`;
    return new EvalPlannerError(
      'usage',
      `the next request may exceed the limit of ${what}; spent so far: ${spent.toPrecision(4)} and ${this.#tokens} tokens`,
      'raise the limit and run the same command again: what came so far is kept and costs nothing more',
    );
  }
}
