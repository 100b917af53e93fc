import { key } from '../../src/key.ts';
import { PUBLISHED_PROMPTS } from '../../src/prompts/set.ts';
import { random, seedOf } from '../../src/random.ts';
import { ORDERS, type Plan, type ResponsePair, type Thought } from '../../src/types.ts';

/** The published setting (arXiv 2501.18099). */
export const SETTING = { triples: 21_729, plans: 5, executions: 4 };
/** Of a text; a thought is a plan and an execution, 1,200 together. */
const CHARACTERS = { plan: 400, execution: 800, response: 900, instruction: 200 };
/** Share of the verdicts that are right. */
const RIGHT = 0.6;

const WORDS =
  'the answer of response first second checks whether it lists every item and counts them before naming'.split(
    ' ',
  );
/** Text that compresses and compares as prose does, not one repeated letter; others are cut out of it, since to write each one
 * would take longer than what is measured. */
const next = random(0);
const POOL = Array.from({ length: 2 ** 18 }, () => WORDS[Math.floor(next() * WORDS.length)]).join(' ');

function prose(characters: number, ...of: readonly (string | number)[]): string {
  const start = Math.floor(random(seedOf('bench', ...of))() * (POOL.length - characters));
  return POOL.slice(start, start + characters);
}

/** The n-th response pair. */
export function madeUpPair(n: number): ResponsePair {
  const id = key({ pair: n });
  return {
    id,
    domain: 'general',
    family: 'made up',
    instruction: prose(CHARACTERS.instruction, id, 'x'),
    chosen: prose(CHARACTERS.response, id, 'a'),
    rejected: prose(CHARACTERS.response, id, 'b'),
    provenance: {},
  };
}

export function plansOf({ id }: ResponsePair, characters = CHARACTERS.plan): Plan[] {
  return Array.from({ length: SETTING.plans }, (_, planIndex) => ({
    id: key({ pair: id, round: 1, planIndex }),
    pairId: id,
    round: 1,
    planIndex,
    text: prose(characters, id, planIndex),
  }));
}

export function thoughtsOf(
  { id: plan, pairId, planIndex, text }: Plan,
  characters = CHARACTERS.execution,
): Thought[] {
  return ORDERS.flatMap((order) =>
    Array.from({ length: SETTING.executions }, (_, executionIndex): Thought => {
      const id = key({ plan, order, executionIndex });
      const correct = random(seedOf('correct', id))() < RIGHT;
      return {
        id,
        pairId,
        round: 1,
        order,
        planIndex,
        executionIndex,
        plan: text,
        execution: prose(characters, id),
        verdict: correct === (order === 'ab') ? 'A' : 'B',
        correct,
      };
    }),
  );
}

/** What the model writes for a thought whose plan is given. */
export function writtenOf({ execution, verdict }: Thought): string {
  return PUBLISHED_PROMPTS.formatExecution(execution, verdict as 'A' | 'B');
}
