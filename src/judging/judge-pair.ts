import { EvalPlannerError } from '../errors.ts';
import { instructionText } from '../prompts/conversation.ts';
import { type Answer, type Task, usage } from '../sampling/task.ts';
import { conclude } from './aggregate.ts';
import type { Judgment, Pair, Vote } from './judgment.ts';
import { type PlanOutcome, planAsks, readPlan } from './plan.ts';
import type { Settings } from './settings.ts';
import { again, planless, readVote, thoughtUnits, type Unit } from './vote.ts';

/** The judgment of one pair: plans where the form has them, k thoughts by each in every order, a second try where one names
 * no verdict, then the verdict of all. */
export function* judgePair(pair: Pair, s: Settings): Task<Judgment> {
  const instruction = instructionText(pair.instruction);
  const { responses } = pair;
  if (responses.length !== 2 || responses.some((response) => typeof response !== 'string')) {
    throw new EvalPlannerError('data', 'a pair does not have two responses', 'give `responses` two texts');
  }
  const all = new Map<string, Answer>();
  const plans: readonly (PlanOutcome | null)[] = pair.plans ?? (yield* sampledPlans(instruction, s, all));

  const first = s.orders.flatMap((order) =>
    plans.flatMap((plan) =>
      plan !== null && 'failed' in plan ? [] : thoughtUnits({ instruction, responses }, order, plan, s),
    ),
  );
  const votes = yield* sampledVotes(first, s, all);
  const invalid = s.reask ? first.filter((unit) => votes.get(unit)?.verdict === 'invalid') : [];
  const retried = invalid.map((unit) => [unit, again(unit, s)] as const);
  const second = yield* sampledVotes(
    retried.map(([, unit]) => unit),
    s,
    all,
  );
  for (const [unit, retry] of retried) votes.set(unit, { ...(second.get(retry) as Vote), reasked: true });

  const failed = plans.flatMap((plan) => (plan !== null && 'failed' in plan ? [planless(plan)] : []));
  const byOrder = s.orders.map((order) => ({
    order,
    votes: [
      ...failed,
      ...first.filter((unit) => unit.order === order).map((unit) => votes.get(unit) as Vote),
    ],
  }));
  return {
    ...(pair.id === undefined ? {} : { id: pair.id }),
    ...conclude(byOrder, s),
    usage: usage(all.values()),
  };
}

function* sampledPlans(
  instruction: string,
  s: Settings,
  all: Map<string, Answer>,
): Task<readonly (PlanOutcome | null)[]> {
  if (s.form !== 'two-call') return [null];
  const asks = planAsks(instruction, s);
  const answers = yield asks;
  return asks.map((ask) => {
    const answer = answers.get(ask.request.key) as Answer;
    all.set(ask.request.key, answer);
    return readPlan(ask, answer, s);
  });
}

function* sampledVotes(units: readonly Unit[], s: Settings, all: Map<string, Answer>): Task<Map<Unit, Vote>> {
  if (units.length === 0) return new Map();
  const answers = yield units.map(({ ask }) => ask);
  return new Map(
    units.map((unit) => {
      const answer = answers.get(unit.ask.request.key) as Answer;
      all.set(unit.ask.request.key, answer);
      return [unit, readVote(unit, answer, s)];
    }),
  );
}
