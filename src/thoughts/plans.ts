import type { Generation, Sampling } from '../model.ts';
import { judgePrompt } from '../prompts/judge-prompt.ts';
import type { PromptSet } from '../prompts/set.ts';
import { render } from '../prompts/template.ts';
import { requestOf, siblingSeeds } from '../sampling/request.ts';
import { asks, type Task } from '../sampling/task.ts';
import { ORDERS, type Order, type Plan, type ResponsePair } from '../types.ts';

/** What a round's thoughts are sampled by. */
export interface Thinking {
  readonly round: number;
  readonly prompts: PromptSet;
  /** Revision of the model, and of the one that writes plans: the same unless the first round has a planner of its own. */
  readonly model: string;
  readonly planner: string;
  /** The run's; each unit derives its own from it. */
  readonly seed: number;
}

export interface PlanOptions extends Thinking {
  /** |P|. */
  readonly plans: number;
  readonly sampling: Sampling;
}

/** |P| plans of a pair (arXiv 2501.18099); one that was cut, refused, empty or never came is none, and the others keep their index.
 * In the first round the plan prompt shows x and nothing else. From the second on the model being trained writes whole
 * thoughts from the judge prompt, of which the plan is kept: sampling ends with the plan. Orders take turns. */
export function* plansOf(pair: ResponsePair, options: PlanOptions): Task<Plan[]> {
  const { round, prompts, plans, sampling, planner: model } = options;
  // Plans of one prompt follow each other, so that they may be one call.
  const prompted = round === 1 ? [null] : ORDERS;
  const requests = prompted.flatMap((order, which) => {
    const asked = planPrompt(prompts, pair, order);
    const own = Array.from({ length: plans }, (_, planIndex) => planIndex).filter(
      (planIndex) => planIndex % prompted.length === which,
    );
    const seeds = siblingSeeds(own.length, options.seed, 'plan', round, pair.id, order ?? '');
    return own.map((planIndex, i) => {
      return { planIndex, request: requestOf({ ...asked, model, seed: seeds[i] as number, sampling }) };
    });
  });
  const answers = yield asks(
    requests.map(({ request }) => request),
    'planner',
  );
  return requests
    .flatMap(({ planIndex, request: { key: id } }): Plan[] => {
      const generation = answers.get(id)?.generation;
      const text = generation === undefined ? null : planText(prompts, generation);
      return text === null ? [] : [{ id, pairId: pair.id, round, planIndex, text }];
    })
    .sort((a, b) => a.planIndex - b.planIndex);
}

/** Null: the plan prompt, which shows no responses. */
function planPrompt(prompts: PromptSet, pair: ResponsePair, order: Order | null) {
  if (order === null) {
    const text = render(prompts.plan, { instruction: pair.instruction });
    return { template: prompts.plan, text, ...planStop(prompts) };
  }
  return {
    template: prompts.judge,
    text: judgePrompt(prompts, 'planned', pair, order),
    prefill: prompts.openPlan,
    stop: [prompts.closePlan.trim()],
  };
}

/** Where the output of the plan prompt is stopped. */
export function planStop({ stopPlan }: PromptSet): { readonly stop?: readonly string[] } {
  return stopPlan === undefined ? {} : { stop: [stopPlan] };
}

/** The plan of an output; null for one that was cut in it, refused or empty. */
export function planText(
  prompts: PromptSet,
  { text, finishReason }: Pick<Generation, 'text' | 'finishReason'>,
): string | null {
  // Generation may end before the closing tag, which the parser wants to see.
  if (finishReason === 'stop') return prompts.parsePlan(`${text}${prompts.closePlan}`);
  return finishReason === 'length' ? prompts.parsePlan(text) : null;
}
