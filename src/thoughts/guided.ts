import { exercise, type Guide } from '../prompts/guide.ts';
import { goldVerdict, shown } from '../prompts/judge-prompt.ts';
import type { PromptSet } from '../prompts/set.ts';
import { seedOf } from '../random.ts';
import { requestOf } from '../sampling/request.ts';
import { asks, type Task } from '../sampling/task.ts';
import { ORDERS, type Order, type Plan, type ResponsePair, type Thought } from '../types.ts';
import { parseVerdict } from '../verdict/verdict.ts';
import type { ExecutionOptions } from './executions.ts';
import { drawLetter, LETTER, letterLogOdds } from './letter.ts';
import { partOf } from './part.ts';
import type { PlanOptions } from './plans.ts';

/** How verdicts of guided thoughts are drawn. */
export interface Guidance {
  /** `correct`: less the mean pull to a letter, of all thoughts of the pair, both orders alike. What speaks for a response has the other
   * sign in the other order and stays; nothing but the pair decides, so that a run that goes on draws the same. */
  readonly letterPull: 'keep' | 'correct';
}

/** |P| plans of a pair, each begun with the guide's words; one that never came or says nothing is none. */
export function* guidedPlans(
  pair: ResponsePair,
  { round, prompts, plans, sampling, planner: model, ...options }: PlanOptions,
): Task<Plan[]> {
  const guide = prompts.guide as Guide;
  const { plan: asked, planLabel, planOpens, ends: stop, shots } = guide;
  const shown = exercise(asked, shots, ({ plan }) => `${planLabel}${plan}`, {
    instruction: pair.instruction,
  });
  const requests = Array.from({ length: plans }, (_, planIndex) => {
    const seed = seedOf(options.seed, 'plan', round, pair.id, planIndex);
    const prefill = `${planLabel}${planOpens}`;
    return requestOf({ template: asked.shows, ...shown, prefill, model, seed, sampling, stop });
  });
  const answers = yield asks(requests, 'planner');
  return requests.flatMap(({ key: id }, planIndex): Plan[] => {
    const plan = partOf(planOpens, answers.get(id)?.generation, asked.shows.tags, labelsOf(guide));
    return plan === null ? [] : [{ id, pairId: pair.id, round, planIndex, text: plan }];
  });
}

/** The thoughts of a pair, written in parts: an execution's, one after the other, and the verdict by the probabilities of its two letters.
 * Every thought that comes of it can be read; one of which a part never came, or says nothing, is none. */
export function* guidedThoughts(
  pair: ResponsePair,
  plans: readonly Pick<Plan, 'planIndex' | 'text'>[],
  { round, form, executions, sampling, prompts, model, ...options }: ExecutionOptions & { guided: Guidance },
): Task<Thought[]> {
  const guide = prompts.guide as Guide;
  const { parts, ends: stop, verdictOpens } = guide;
  const all = plans.flatMap((plan) =>
    ORDERS.flatMap((order) => {
      const asked = executionPrompt(prompts, form, pair, order, plan.text);
      return Array.from({ length: executions }, (_, executionIndex) => {
        const at = [form, round, pair.id, plan.planIndex, order, executionIndex] as const;
        const seeds = {
          seed: seedOf(options.seed, 'execution', ...at),
          letter: seedOf(options.seed, 'letter', ...at),
        };
        return { plan, order, executionIndex, asked, ...seeds, said: [] as readonly string[] };
      });
    }),
  );
  const length = { ...sampling, maxTokens: Math.ceil(sampling.maxTokens / parts.length) };
  let left = all;
  for (const opening of parts) {
    const requests = left.map(({ asked, seed, said }) => {
      const prefill = [...said, opening].join('\n');
      return requestOf({ ...asked, prefill, model, seed, sampling: length, stop });
    });
    const answers = yield asks(requests);
    left = left.flatMap((cell, i) => {
      const { generation } = answers.get(requests[i]?.key as string) ?? {};
      const part = partOf(opening, generation, cell.asked.template.tags, labelsOf(guide));
      return part === null ? [] : [{ ...cell, said: [...cell.said, part] }];
    });
  }
  const requests = left.map(({ asked, seed, said }) =>
    requestOf({ ...asked, prefill: [...said, verdictOpens].join('\n'), model, seed, ...LETTER }),
  );
  const answers = yield asks(requests);
  const answered = left.flatMap((cell, i) => {
    const id = requests[i]?.key as string;
    const generation = answers.get(id)?.generation;
    const came = generation?.finishReason === 'stop' || generation?.finishReason === 'length';
    return came ? [{ ...cell, id, odds: letterLogOdds(generation) }] : [];
  });
  const pull = options.guided.letterPull === 'correct' ? meanPull(answered) : 0;
  return answered.map(({ id, plan, order, executionIndex, said, odds, letter: seed }): Thought => {
    const letter = drawLetter(odds - pull, sampling.temperature, seed);
    const execution = said.join('\n');
    const verdict = isReadable(prompts, form, plan.text, execution, letter) ? letter : 'invalid';
    const correct = verdict === goldVerdict(order);
    const at = { pairId: pair.id, round, order, planIndex: plan.planIndex, executionIndex };
    return { id, ...at, plan: plan.text, execution, verdict, correct };
  });
}

/** Words by which something else than the part itself begins; a server's stop texts are too few for all of them. */
const labelsOf = ({ planLabel, parts, verdictOpens }: Guide): string[] => [
  planLabel.trim(),
  ...parts,
  verdictOpens.replace(/[\s[]+$/, ''),
];

function executionPrompt(
  prompts: PromptSet,
  form: ExecutionOptions['form'],
  pair: ResponsePair,
  order: Order,
  plan: string,
) {
  const { execute, unplanned, verdictOpens, shots } = prompts.guide as Guide;
  const said = ({ execution, verdict }: Guide['shots'][number]) =>
    `${execution}\n${verdictOpens}${verdict}]]`;
  return form === 'planned'
    ? { template: execute.shows, ...exercise(execute, shots, said, { ...shown(pair, order), plan }) }
    : { template: unplanned.shows, ...exercise(unplanned, shots, said, shown(pair, order)) };
}

/** Of the two orders' means, so that an order of which less came does not count for less. */
function meanPull(answered: readonly { readonly order: Order; readonly odds: number }[]): number {
  const means = ORDERS.map((order) => {
    const own = answered.filter((one) => one.order === order);
    return own.reduce((sum, { odds }) => sum + odds, 0) / own.length;
  });
  const mean = means.reduce((sum, one) => sum + one, 0) / means.length;
  // One order alone does not tell a pull from a judgment.
  return Number.isFinite(mean) ? mean : 0;
}

/** As it will be trained. */
function isReadable(
  prompts: PromptSet,
  form: ExecutionOptions['form'],
  plan: string,
  execution: string,
  letter: 'A' | 'B',
): boolean {
  const planned = form === 'planned';
  const text = planned
    ? prompts.formatThought(plan, execution, letter)
    : prompts.formatExecution(execution, letter);
  const { kind, exact } = parseVerdict(text);
  return exact && kind === letter && (planned ? prompts.parseThought : prompts.parseExecution)(text) !== null;
}
