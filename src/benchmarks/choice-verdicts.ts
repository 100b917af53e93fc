import { EvalPlannerError } from '../errors.ts';
import { SLOTS } from '../prompts/published/choice.ts';
import type { SourceRow } from '../rows/row.ts';
import { Fields, groupBy } from './benchmark.ts';
import type { BenchmarkChoice, ChoiceGame, ChoiceVerdict, NoChoice, Way } from './choice.ts';

const NONE: readonly NoChoice[] = ['tie', 'invalid', 'truncated', 'refused', 'error'];

/** Joins verdicts made elsewhere with the choices they are about. A row is {id, verdict}, a slot's letter or why there is none,
 * with `shown`, the responses' indices by slot, where they were not shown as the file lists them (right ones first); or
 * {id, ratings} (or scores), a number or null for each response as the file lists them. Errors name the row. */
export function joinChoices(
  choices: readonly BenchmarkChoice[],
  rows: Iterable<SourceRow>,
): { readonly games: readonly ChoiceGame[]; readonly way: Way } {
  const byId = groupBy(choices, ({ id }) => id);
  const verdicts = new Map<BenchmarkChoice, ChoiceVerdict>();
  const ways = new Set<Way>();
  for (const row of rows) {
    const fields = new Fields(row, 'the verdicts');
    const error = (what: string, remedy: string) => new EvalPlannerError('data', `${row.at} ${what}`, remedy);
    const id = fields.id('id');
    const own = byId.get(id);
    if (own === undefined)
      throw error(
        `is about ${id}, which the benchmark does not have`,
        'check that the verdicts are of this benchmark and version',
      );
    const choice = own.find((candidate) => !verdicts.has(candidate));
    if (choice === undefined) throw error(`is a second verdict of ${id}`, 'keep one verdict for each');
    const verdict = read(fields, choice, error);
    const rated = 'ratings' in verdict;
    if (choice.ratingsOnly && !rated)
      throw error(`gives no ratings of ${id}, which is judged by ratings only`, 'give {id, ratings}');
    if (!choice.ratingsOnly) ways.add(rated ? 'ratings' : 'best-of-n');
    if (ways.size > 1)
      throw error(
        'is of another way of judging than the rows before it',
        'score slots and ratings by themselves: they are different figures',
      );
    verdicts.set(choice, verdict);
  }
  const [way = 'ratings'] = ways;
  return {
    way,
    games: choices.flatMap((choice) => {
      const verdict = verdicts.get(choice);
      return verdict === undefined ? [] : [{ choice, verdict }];
    }),
  };
}

function read(
  fields: Fields,
  { responses }: BenchmarkChoice,
  error: (what: string, remedy: string) => EvalPlannerError,
): ChoiceVerdict {
  const n = responses.length;
  const name = ['ratings', 'scores'].find((field) => fields.has(field));
  if (name !== undefined) {
    const ratings = fields.value(name);
    const fits = (value: unknown) => value === null || (typeof value === 'number' && Number.isFinite(value));
    if (!Array.isArray(ratings) || ratings.length !== n || !ratings.every(fits))
      throw error(
        `has no list ${name} of ${n} numbers`,
        'give one for each response, null where there is none',
      );
    return { ratings };
  }
  const said = fields.text('verdict');
  if ((NONE as readonly string[]).includes(said)) return { none: said as NoChoice };
  const slot = said.length === 1 ? SLOTS.indexOf(said) : -1;
  if (slot < 0 || slot >= n)
    throw error(
      `has the verdict ${JSON.stringify(said)}`,
      `write a slot's letter, ${SLOTS.charAt(0)} to ${SLOTS.charAt(n - 1)}, or one of ${NONE.join(', ')}`,
    );
  const shown = fields.value('shown') ?? responses.map((_, index) => index);
  const all = Array.isArray(shown) && shown.length === n && new Set(shown).size === n;
  if (!all || !shown.every((index) => Number.isInteger(index) && index >= 0 && index < n))
    throw error(
      `has shown ${JSON.stringify(shown)}`,
      `list each index from 0 to ${n - 1} once, by slot; 0 is the first chosen response`,
    );
  return { named: shown[slot] as number, shown };
}

/** A game as a row that joinChoices reads. */
export function choiceRow({ choice: { id }, verdict }: ChoiceGame): Record<string, unknown> {
  if ('ratings' in verdict) return { id, ratings: verdict.ratings };
  if ('none' in verdict) return { id, verdict: verdict.none };
  const { named, shown } = verdict;
  return shown
    ? { id, verdict: SLOTS.charAt(shown.indexOf(named)), shown }
    : { id, verdict: SLOTS.charAt(named) };
}
