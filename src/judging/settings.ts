import { EvalPlannerError } from '../errors.ts';
import type { Model } from '../model.ts';
import type { JudgeForm } from '../prompts/judge-prompt.ts';
import { type PromptSet, PUBLISHED_PROMPTS } from '../prompts/set.ts';
import { siblingSeeds } from '../sampling/request.ts';
import type { Generations } from '../store.ts';
import { ORDERS, type Order } from '../types.ts';

/** How a judgment is made. Everything has a default. */
export interface JudgeOptions {
  /** `two-call` (the default): a plan, then its execution, for any instruct model. `planned`: one call for the whole thought, of a
   * judge that was trained to write it. `unplanned` and `direct`: the controls. `judgeOptions` says what a checkpoint knows. */
  readonly form?: JudgeForm | 'two-call';
  /** Default: the published ones. */
  readonly prompts?: PromptSet;
  /** Which response is shown first: `ab` the first, `ba` the second, `both` (default) each once. */
  readonly orders?: 'both' | Order;
  /** Thoughts in each order, for each plan; the majority counts (default 1). */
  readonly votes?: number;
  /** Plans of an instruction; `two-call` only (default 1). */
  readonly plans?: number;
  /** Writes the plans instead of the judge; `two-call` only. */
  readonly planModel?: Model;
  /** Offer a tie and accept it (default: no; [[C]] is no verdict then). */
  readonly ties?: boolean;
  /** Ask once more, with another seed, where an output names no verdict (default: no). */
  readonly reask?: boolean;
  /** Ask for log-probabilities and let their mean decide, both orders alike, where the model gives them (default: no). */
  readonly weighted?: boolean;
  /** Default: 0 for a single thought, else 0.8 and 0.95. */
  readonly temperature?: number;
  readonly topP?: number;
  /** Of a thought or an execution, and of a plan (default 2,048 each). */
  readonly maxTokens?: number;
  readonly maxPlanTokens?: number;
  readonly seed?: number;
  /** The ledger: what is there is not asked for again. */
  readonly store?: Generations;
  /** Ask again for what is there, too. */
  readonly fresh?: boolean;
  readonly signal?: AbortSignal;
}

/** The options of a judgment, checked and filled in. */
export interface Settings {
  readonly form: JudgeForm | 'two-call';
  readonly prompts: PromptSet;
  readonly orders: readonly Order[];
  readonly votes: number;
  readonly plans: number;
  readonly ties: boolean;
  readonly reask: boolean;
  readonly weighted: boolean;
  readonly sampling: { readonly temperature: number; readonly topP: number; readonly maxTokens: number };
  readonly maxPlanTokens: number;
  readonly seed: number;
  /** Revisions of the models: part of every key. */
  readonly judge: string;
  readonly planner: string;
}

/** Throws EvalPlannerError (`usage`) for options that cannot be, or not together. */
export function settings(model: Model, options: JudgeOptions): Settings {
  const { form = 'two-call', prompts = PUBLISHED_PROMPTS, votes = 1, plans = 1, ties = false } = options;
  const orders = ORDERS.filter((order) => (options.orders ?? 'both') === 'both' || options.orders === order);
  const { maxTokens = 2048, maxPlanTokens = 2048, seed = 0 } = options;
  for (const [name, value] of Object.entries({ votes, plans, maxTokens, maxPlanTokens })) {
    fits(name, value, Number.isSafeInteger(value) && value > 0, 'a whole number, 1 or more');
  }
  fits('seed', seed, Number.isSafeInteger(seed), 'a whole number');
  if (form !== 'two-call' && plans > 1)
    throw wrong('several plans', 'choose the form `two-call`, or vote by `votes`');
  if (form !== 'two-call' && options.planModel) throw wrong('a plan model', 'choose the form `two-call`');
  const sampled = votes * plans > 1;
  const temperature = options.temperature ?? (sampled ? 0.8 : 0);
  const topP = options.topP ?? (temperature === 0 ? 1 : 0.95);
  fits('temperature', temperature, Number.isFinite(temperature) && temperature >= 0, 'a number, 0 or more');
  fits('topP', topP, topP > 0 && topP <= 1, 'a number above 0, 1 at most');
  if (sampled && temperature === 0) {
    const what = votes > 1 ? 'votes' : 'plans';
    throw wrong(
      `several ${what} at temperature 0`,
      `sample at a temperature above 0: greedy ${what} are all the same`,
    );
  }
  return {
    form,
    prompts,
    orders,
    votes,
    plans,
    ties,
    reask: options.reask ?? false,
    weighted: options.weighted ?? false,
    sampling: { temperature, topP, maxTokens },
    maxPlanTokens,
    seed,
    judge: model.revision,
    planner: (options.planModel ?? model).revision,
  };
}

/** Of so many samples of one prompt; greedy ones have nothing to draw. */
export function voteSeeds(count: number, { seed, sampling }: Settings, kind: string, text: string): number[] {
  return sampling.temperature === 0 ? [0] : siblingSeeds(count, seed, kind, text);
}

function fits(name: string, value: number, it: boolean, range: string): void {
  if (!it) throw new EvalPlannerError('usage', `${name} is ${value}`, `give ${range}`);
}

function wrong(what: string, remedy: string): EvalPlannerError {
  return new EvalPlannerError('usage', `${what} cannot be used here`, remedy);
}
