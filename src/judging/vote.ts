import type { PromptSet } from '../prompts/set.ts';
import { render } from '../prompts/template.ts';
import { seedOf } from '../random.ts';
import { type Recipe, requestOf } from '../sampling/request.ts';
import type { Answer, Ask } from '../sampling/task.ts';
import type { Order, VerdictKind } from '../types.ts';
import { parseVerdict } from '../verdict/verdict.ts';
import type { EvaluationPlan, Vote, Winner } from './judgment.ts';
import type { FailedPlan } from './plan.ts';
import { verdictProbability } from './probability.ts';
import { type Settings, voteSeeds } from './settings.ts';

/** The alternatives asked for at each token: the letters of the slots are among them, if they are anywhere. */
const ALTERNATIVES = 10;

/** One thought to be sampled: a pair in one order, by a plan where the form has one. */
export interface Unit {
  readonly order: Order;
  readonly plan: EvaluationPlan | null;
  readonly recipe: Recipe;
  readonly ask: Ask;
}

/** The asks for k thoughts about a pair in one order. */
export function thoughtUnits(
  shown: { readonly instruction: string; readonly responses: readonly [string, string] },
  order: Order,
  plan: EvaluationPlan | null,
  s: Settings,
): Unit[] {
  const [a, b] = order === 'ab' ? shown.responses : shown.responses.toReversed();
  const fields = { instruction: shown.instruction, a: a as string, b: b as string };
  const set = s.ties && s.prompts.ties ? s.prompts.ties : s.prompts;
  const template = plan ? set.execute : one(set, s.form);
  const text = plan ? render(set.execute, { ...fields, plan: plan.text }) : render(one(set, s.form), fields);
  return voteSeeds(s.votes, s, 'thought', text).map((seed) => {
    const recipe = thoughtRecipe(template, text, seed, s.sampling, s);
    return { order, plan, recipe, ask: { of: 'judge', request: requestOf(recipe) } };
  });
}

function one(set: Pick<PromptSet, 'judge' | 'unplanned' | 'direct'>, form: Settings['form']) {
  if (form === 'unplanned') return set.unplanned;
  return form === 'direct' ? set.direct : set.judge;
}

function thoughtRecipe(
  template: Recipe['template'],
  text: string,
  seed: number,
  sampling: Settings['sampling'],
  s: Settings,
): Recipe {
  const logprobs = s.weighted ? { logprobs: ALTERNATIVES } : {};
  return { template, text, model: s.judge, seed, sampling, ...logprobs };
}

/** The same unit, for an output that named no verdict: with another seed, at a temperature that can give another output. */
export function again(unit: Unit, s: Settings): Unit {
  const { text, seed } = unit.recipe;
  const sampling = { ...s.sampling, temperature: Math.max(0.7, s.sampling.temperature) };
  const template = { name: 'again', version: '1' };
  const recipe = thoughtRecipe(template, text, seedOf(seed, 'again', text), sampling, s);
  return { ...unit, recipe, ask: { of: 'judge', request: requestOf(recipe) } };
}

/** A slot's letter, not one of `Assistant`. */
const LETTER = /(?<![A-Za-z])[AB](?![A-Za-z])/;

/** One output, read. */
export function readVote({ order, plan, ask }: Unit, { generation }: Answer, s: Settings): Vote {
  const { text, finishReason, reasoning, error, permanent } = generation;
  const { kind, at } = parseVerdict(text, { finishReason, ties: s.ties });
  const thought = plan === null && s.form === 'planned' ? s.prompts.parseThought(text) : null;
  const letter = at === undefined ? -1 : text.slice(...at).search(LETTER);
  const names = at && text[at[0] + letter] === kind;
  const probability =
    s.weighted && at && names ? verdictProbability(generation, at[0] + letter, order) : null;
  return {
    key: ask.request.key,
    planId: plan?.id ?? null,
    plan: plan?.text ?? thought?.plan ?? null,
    execution: thought?.execution ?? s.prompts.parseExecution(text),
    verdict: kind,
    winner: winnerOf(kind, order),
    ...(probability === null ? {} : { probabilityA: probability }),
    text,
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(error === undefined ? {} : { error }),
    ...(permanent ? { permanent } : {}),
  };
}

/** The vote of a plan that never came. */
export function planless({ id, failed, error, permanent }: FailedPlan): Vote {
  const why = { ...(error === undefined ? {} : { error }), ...(permanent ? { permanent } : {}) };
  return {
    key: id,
    planId: id,
    plan: null,
    execution: null,
    verdict: failed,
    winner: null,
    text: '',
    ...why,
  };
}

/** The response that a verdict on the slots as shown names. */
function winnerOf(verdict: VerdictKind, order: Order): Winner | null {
  if (verdict === 'tie') return 'tie';
  if (verdict !== 'A' && verdict !== 'B') return null;
  return (verdict === 'A') === (order === 'ab') ? 'A' : 'B';
}
