import { SLOTS } from '../prompts/published/choice.ts';
import { RowFields } from '../rows/fields.ts';
import { quoted } from '../rows/json.ts';
import type { SourceRow } from '../rows/row.ts';
import { groupBy } from './benchmark.ts';
import {
  type BenchmarkChoice,
  type ChoiceGame,
  type ChoiceVerdict,
  type NoChoice,
  WAYS,
  type Way,
} from './choice.ts';

const NONE: readonly NoChoice[] = ['tie', 'invalid', 'truncated', 'refused', 'error'];

/** Whether a way ends with a number for each response, ratings or comparisons won. */
const RATES: Readonly<Record<Way, boolean>> = {
  'best-of-n': false,
  ratings: true,
  knockout: false,
  'round-robin': true,
};

/** Joins verdicts made elsewhere with the choices they are about. A row is {id, verdict}, a slot's letter or why there is none,
 * with `shown`, the responses' indices by slot, where they were not shown as the file lists them (right ones first); or
 * {id, ratings} (or scores), a number or null for each response as the file lists them; and `way` where it
 * is neither best-of-n nor ratings. Errors name the row. */
export function joinChoices(
  choices: readonly BenchmarkChoice[],
  rows: Iterable<SourceRow>,
): { readonly games: readonly ChoiceGame[]; readonly way: Way } {
  const byId = groupBy(choices, ({ id }) => id);
  const verdicts = new Map<BenchmarkChoice, ChoiceVerdict>();
  const ways = new Set<Way>();
  for (const row of rows) {
    const fields = new RowFields(row, 'give rows {id, verdict} or {id, ratings}');
    const id = fields.id('id');
    const own = byId.get(id);
    if (own === undefined)
      throw fields.error(
        `is about ${id}, which the benchmark does not have`,
        'check that the verdicts are of this benchmark and version',
      );
    const choice = own.find((candidate) => !verdicts.has(candidate));
    if (choice === undefined) throw fields.error(`is a second verdict of ${id}`, 'keep one verdict for each');
    const verdict = read(fields, choice);
    if (choice.ratingsOnly && 'named' in verdict)
      throw fields.error(`gives no ratings of ${id}, which is judged by ratings only`, 'give {id, ratings}');
    if (!choice.ratingsOnly) for (const one of waysOf(fields, verdict)) ways.add(one);
    if (ways.size > 1)
      throw fields.error(
        'is of another way of judging than the rows before it',
        'score slots and ratings by themselves: they are different figures',
      );
    verdicts.set(choice, verdict);
  }
  const plain = choices.some((choice) => !choice.ratingsOnly && verdicts.has(choice));
  const [way = plain ? 'best-of-n' : 'ratings'] = ways;
  return {
    way,
    games: choices.flatMap((choice) => {
      const verdict = verdicts.get(choice);
      return verdict === undefined ? [] : [{ choice, verdict }];
    }),
  };
}

/** The way that a row is of; none where it gives no verdict and does not say. */
function waysOf(fields: RowFields, verdict: ChoiceVerdict): Way[] {
  const fitting = WAYS.filter((way) => 'none' in verdict || RATES[way] === 'ratings' in verdict);
  if (!fields.has('way')) return 'none' in verdict ? [] : ['ratings' in verdict ? 'ratings' : 'best-of-n'];
  const told = fields.text('way');
  const way = fitting.find((one) => one === told);
  if (way === undefined)
    throw fields.error(`has the way ${quoted(told)}`, `leave it out, or write ${fitting.join(' or ')}`);
  return [way];
}

function read(fields: RowFields, { responses }: BenchmarkChoice): ChoiceVerdict {
  const n = responses.length;
  const name = ['ratings', 'scores'].find((field) => fields.has(field));
  if (name !== undefined) {
    const ratings = fields.value(name);
    const fits = (value: unknown) => value === null || (typeof value === 'number' && Number.isFinite(value));
    if (!Array.isArray(ratings) || ratings.length !== n || !ratings.every(fits))
      throw fields.error(
        `has no list ${name} of ${n} numbers`,
        'give one for each response, null where there is none',
      );
    return { ratings };
  }
  const said = fields.text('verdict');
  if ((NONE as readonly string[]).includes(said)) return { none: said as NoChoice };
  const slot = said.length === 1 ? SLOTS.indexOf(said) : -1;
  if (slot < 0 || slot >= n)
    throw fields.error(
      `has the verdict ${quoted(said)}`,
      `write a slot's letter, ${SLOTS.charAt(0)} to ${SLOTS.charAt(n - 1)}, or one of ${NONE.join(', ')}`,
    );
  const shown = fields.value('shown') ?? responses.map((_, index) => index);
  const all = Array.isArray(shown) && shown.length === n && new Set(shown).size === n;
  if (!all || !shown.every((index) => Number.isInteger(index) && index >= 0 && index < n))
    throw fields.error(
      `has shown ${quoted(shown)}`,
      `list each index from 0 to ${n - 1} once, by slot; 0 is the first chosen response`,
    );
  return { named: shown[slot] as number, shown };
}

/** A game as a row that joinChoices reads. */
export function choiceRow({ choice, verdict }: ChoiceGame, way: Way): Record<string, unknown> {
  const { id, ratingsOnly } = choice;
  const row = { id, ...said(verdict) };
  return ratingsOnly || way === 'best-of-n' || way === 'ratings' ? row : { ...row, way };
}

function said(verdict: ChoiceVerdict): Record<string, unknown> {
  if ('ratings' in verdict) return { ratings: verdict.ratings };
  if ('none' in verdict) return { verdict: verdict.none };
  const { named, shown } = verdict;
  return shown ? { verdict: SLOTS.charAt(shown.indexOf(named)), shown } : { verdict: SLOTS.charAt(named) };
}
