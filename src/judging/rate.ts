import { EvalPlannerError } from '../errors.ts';
import type { Model } from '../model.ts';
import { type InstructionInput, instructionText } from '../prompts/conversation.ts';
import { parseScore } from '../prompts/published/score.ts';
import { render } from '../prompts/template.ts';
import { conduct } from '../sampling/conduct.ts';
import { requestOf } from '../sampling/request.ts';
import type { Usage } from '../sampling/task.ts';
import { type Answer, type Ask, asks, type Task, usage } from '../sampling/task.ts';
import { conductBy } from './judge.ts';
import type { EvaluationPlan } from './judgment.ts';
import { planAsks, readPlan } from './plan.ts';
import { type JudgeOptions, type Settings, settings, voteSeeds } from './settings.ts';

export interface Response {
  readonly id?: string;
  readonly instruction: InstructionInput;
  readonly response: string;
  readonly plans?: readonly EvaluationPlan[];
}

export interface Rating {
  readonly id?: string;
  /** From 1 to 10, the mean of those below; null where none was given. */
  readonly score: number | null;
  readonly scores: readonly {
    readonly planId: string;
    readonly score: number | null;
    readonly text: string;
  }[];
  readonly usage: Usage;
  /** What went wrong, where one of its generations or plans did not come. */
  readonly error?: string;
}

export type RateOptions = Omit<JudgeOptions, 'form' | 'orders' | 'ties' | 'reask' | 'weighted'>;

/** Rate one response from 1 to 10 by a plan, or by several, `votes` times each. Throws EvalPlannerError (`usage`) for a prompt
 * set that has no prompt for it. */
export async function rate(model: Model, response: Response, options: RateOptions = {}): Promise<Rating> {
  for await (const rating of rateAll(model, [response], options)) return rating;
  throw new EvalPlannerError('internal', 'a response was not rated', 'report this as a bug');
}

/** Rate any number of responses, with memory that does not grow with it. */
export async function* rateAll(
  model: Model,
  responses: Iterable<Response> | AsyncIterable<Response>,
  options: RateOptions = {},
): AsyncGenerator<Rating, void, undefined> {
  const s = settings(model, { ...options, form: 'two-call' });
  yield* conduct(responses, (response) => rateOne(response, s), conductBy(model, options));
}

/** The rating of one response, as a task. */
export function* rateOne(
  { id, instruction: input, response, plans: given }: Response,
  s: Settings,
): Task<Rating> {
  if (s.prompts.score === undefined) {
    throw new EvalPlannerError('usage', 'these prompts rate no single response', 'use the published prompts');
  }
  const instruction = instructionText(input);
  const all = new Map<string, Answer>();
  const plans = given ?? (yield* sampled(instruction, s, all));
  const units = plans.flatMap((plan) =>
    scoreAsks(instruction, response, plan, s).map((ask) => ({ plan, ask })),
  );
  const answers = units.length === 0 ? all : yield units.map(({ ask }) => ask);
  const scores = units.map(({ plan, ask }) => {
    const answer = answers.get(ask.request.key) as Answer;
    all.set(ask.request.key, answer);
    const { text, finishReason } = answer.generation;
    return { planId: plan.id, score: finishReason === 'stop' ? parseScore(text) : null, text };
  });
  const failed = [...all.values()].find(({ generation }) => generation.finishReason === 'error');
  const given10 = scores.flatMap(({ score }) => (score === null ? [] : [score]));
  const mean = given10.reduce((sum, score) => sum + score, 0) / given10.length;
  return {
    ...(id === undefined ? {} : { id }),
    score: given10.length === 0 ? null : mean,
    scores,
    usage: usage(all.values()),
    ...(failed === undefined ? {} : { error: failed.generation.error ?? 'nothing came' }),
  };
}

function* sampled(instruction: string, s: Settings, all: Map<string, Answer>): Task<EvaluationPlan[]> {
  const wanted = planAsks(instruction, s);
  const answers = yield wanted;
  return wanted.flatMap((ask) => {
    const answer = answers.get(ask.request.key) as Answer;
    all.set(ask.request.key, answer);
    const plan = readPlan(ask, answer, s);
    return 'text' in plan ? [plan] : [];
  });
}

function scoreAsks(instruction: string, a: string, plan: EvaluationPlan, s: Settings): Ask[] {
  const template = s.prompts.score as NonNullable<typeof s.prompts.score>;
  const text = render(template, { instruction, a, plan: plan.text });
  const recipe = { template, text, model: s.judge, sampling: s.sampling };
  return asks(voteSeeds(s.votes, s, 'score', text).map((seed) => requestOf({ ...recipe, seed })));
}
