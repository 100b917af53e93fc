import type { RowFields } from './fields.ts';
import { quoted } from './json.ts';

/** Which of two responses is the better one, as the row says. */
export type Gold = 'A' | 'B' | 'tie';

/** Columns that hold a verdict. One of another name is about something else (`safer_response_id`, `is_response_0_safe`). */
const COLUMNS = ['gold', 'label', 'winner', 'preference', 'preferred', 'better', 'better_response', 'chosen'];
/** PKU's column of the better response's number. */
const NUMBERED = 'better_response_id';
/** Of a list of responses the place of the best, from 0, as bench custom-k takes it. */
const INDEX = 'best';
/** One column for each outcome, of which one is 1 (lmsys, Chatbot Arena at Kaggle). */
const ONE_HOT = { A: 'winner_model_a', B: 'winner_model_b', tie: 'winner_tie' } as const;

const WORDS: Readonly<Record<string, Gold>> = {
  a: 'A',
  b: 'B',
  c: 'tie',
  tie: 'tie',
  'a>b': 'A',
  'b>a': 'B',
  'a=b': 'tie',
  'a>>b': 'A',
  'b>>a': 'B',
  '[[a]]': 'A',
  '[[b]]': 'B',
  '[[c]]': 'tie',
  // lmarena's.
  model_a: 'A',
  model_b: 'B',
  'tie (bothbad)': 'tie',
  bothbad: 'tie',
  both_bad: 'tie',
  response_a: 'A',
  response_b: 'B',
  chosen: 'A',
  rejected: 'B',
};

/** The verdict that a row gives on its two responses, which are called `names`; null where it gives none. A number is the
 * response's of that number (`response_1`, `output_2`), and of responses that are not numbered 1 is the first and 2 the second.
 * 0 is refused there with its file, of which nobody can tell whether its 1 is the second response or says that the first is the
 * better. Columns that say different things are refused, too. */
export function goldOf(
  row: RowFields,
  names: readonly [string, string],
  responses: readonly [string, string],
): Gold | null {
  const [first] = names;
  // The names are the verdict; a label of such a row may be of the time before it was sorted, or about something else.
  if (first === 'chosen') return row.isBlank('gold') ? 'A' : read('gold');
  const there = columnsOf(names).filter((column) => !row.isBlank(column));
  const told = there.flatMap((column) => {
    const gold = toldBy(column);
    return gold === null ? [] : [{ column, gold }];
  });
  const hot = oneHot(row);
  if (hot !== null) told.push({ column: ONE_HOT[hot], gold: hot });
  const [one] = told;
  const other = told.find(({ gold }) => gold !== one?.gold);
  if (one && other)
    throw row.error(`has the ${one.column} ${one.gold}, and the ${other.column} ${other.gold}`);
  if (one) return one.gold;
  return there[0] === undefined ? null : read(there[0]);

  function read(column: string): Gold {
    const gold = toldBy(column);
    if (gold !== null) return gold;
    const what = `has a ${column} that is not A, B or tie, but ${quoted(row.value(column))}; taken are also ${numbersOf(names, column).join(' and ')}, model_a and model_b, and the names of the two responses`;
    if (String(row.value(column)).trim() !== '0') throw row.error(what);
    throw row.fileFault(
      what,
      'write the column as A, B and tie, or as 1 and 2; without the 0s the 1s of the file could be misread, so they are not left out',
    );
  }

  function toldBy(column: string): Gold | null {
    const value = row.value(column);
    const named = meaning(value, names, column);
    if (column !== 'chosen' || responses[0] === responses[1]) return named;
    // Some repeat the better response's text.
    const repeated = value === responses[0] ? 'A' : value === responses[1] ? 'B' : null;
    if (named !== null && repeated !== null && named !== repeated)
      throw row.error(
        `has the chosen ${quoted(value)}, which names one response and is the text of the other`,
      );
    return named ?? repeated;
  }
}

/** Whether a row has the columns of an outcome each. */
export const isOneHot = (row: RowFields) => row.has(ONE_HOT.A) && row.has(ONE_HOT.B);

function columnsOf([first]: readonly [string, string]): string[] {
  if (first === 'response_0') return [NUMBERED, ...COLUMNS];
  return first.startsWith('responses') ? [INDEX, ...COLUMNS] : COLUMNS;
}

function meaning(value: unknown, names: readonly [string, string], column: string): Gold | null {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'bigint') return null;
  const word = String(value).trim().toLowerCase();
  const place = [numbersOf(names, column), names.map((name) => name.toLowerCase())]
    .map((those) => those.indexOf(word))
    .find((index) => index >= 0);
  if (place !== undefined) return place === 0 ? 'A' : 'B';
  return Object.hasOwn(WORDS, word) ? (WORDS[word] as Gold) : null;
}

/** What the two responses are numbered. */
function numbersOf(names: readonly [string, string], column: string): string[] {
  if (column === INDEX) return ['0', '1'];
  const numbers = names.map((name) => /_(\d)$/.exec(name)?.[1]);
  return numbers.every((number) => number !== undefined) ? numbers : ['1', '2'];
}

function oneHot(row: RowFields): Gold | null {
  if (!isOneHot(row)) return null;
  const outcomes = (['A', 'B', 'tie'] as const).filter((gold) => {
    const value = row.value(ONE_HOT[gold]);
    return value === true || (value !== undefined && String(value).trim() === '1');
  });
  if (outcomes.length === 1) return outcomes[0] as Gold;
  throw row.error(`has not one 1 among ${Object.values(ONE_HOT).join(', ')}`);
}
