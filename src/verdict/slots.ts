import { Phrases } from './phrases.ts';
import type { Token } from './tokens.ts';
import { SHOWN, TIES } from './words.ts';

/** What a marker names. */
export type Named = 'A' | 'B' | 'tie';

/** Words that name a slot: `A`, `Assistant A`, `Response 2`, `the second answer`, `a tie`. */
export interface Slot {
  readonly names: Named;
  /** Indices of its tokens: [first, end). */
  readonly first: number;
  readonly end: number;
  /** More than a letter that could be an article. */
  readonly certain: boolean;
}

export const at = (tokens: readonly Token[], i: number): string => tokens[i]?.text ?? '\n';

/** The Cyrillic and Greek ones look like Latin ones, or are the second letter of their alphabet. */
const LETTERS: Readonly<Record<string, Named>> = {
  a: 'A',
  "a's": 'A',
  b: 'B',
  "b's": 'B',
  а: 'A',
  в: 'B',
  б: 'B',
  α: 'A',
  β: 'B',
};
const NUMBERS: Readonly<Record<string, Named>> = { 1: 'A', one: 'A', 2: 'B', two: 'B' };
const FIRST = new Phrases(
  'first|1st|erste|première|première|premier|primera|primer|primeira|prima|первый|первая|第一|第一个|第一個|最初の|1番目の|الأول|الأولى|첫 번째|첫번째',
);
const SECOND = new Phrases(
  'second|2nd|zweite|deuxième|seconde|segunda|segundo|seconda|второй|вторая|第二|第二个|第二個|2番目の|الثاني|الثانية|두 번째|두번째',
);
const PRONOUNS = new Set(['one', 'ai']);
const OPENING = new Set(['"', '\u201c', "'", '(', '[', '「']);
const CLOSING = new Set(['"', '\u201d', "'", ')', ']', '」']);

export interface SlotOptions {
  /** A bare number or ordinal is a slot too: where nothing else can stand. */
  readonly numbers?: boolean;
}

/** The slot that begins at `i`, with what belongs to it: `Assistant A's response`, `助手A的回答`. */
export function slotAt(
  tokens: readonly Token[],
  i: number,
  { numbers = false }: SlotOptions = {},
): Slot | null {
  const ordinal = FIRST.at(tokens, i) || SECOND.at(tokens, i);
  if (ordinal > 0) {
    const noun = SHOWN.at(tokens, i + ordinal) || (PRONOUNS.has(at(tokens, i + ordinal)) ? 1 : 0);
    if (noun === 0 && !numbers) return null;
    return { names: FIRST.at(tokens, i) > 0 ? 'A' : 'B', first: i, end: i + ordinal + noun, certain: true };
  }
  if (/^(?:text|math)/.test(at(tokens, i)) && at(tokens, i + 1) === '{') {
    const inner = slotAt(tokens, i + 2, { numbers });
    return inner && at(tokens, inner.end) === '}' ? { ...inner, first: i, end: inner.end + 1 } : null;
  }
  const noun = SHOWN.at(tokens, i);
  const follows = noun > 0 ? FIRST.at(tokens, i + noun) || SECOND.at(tokens, i + noun) : 0;
  if (follows > 0) {
    const names = FIRST.at(tokens, i + noun) > 0 ? 'A' : 'B';
    return { names, first: i, end: i + noun + follows, certain: true };
  }
  let j = i + noun;
  const opened = noun > 0 && OPENING.has(at(tokens, j));
  if (opened) j++;
  const letter = at(tokens, j);
  const number = noun > 0 || numbers ? NUMBERS[letter] : undefined;
  const latin = /^[ab]/.test(letter) || noun > 0 ? LETTERS[letter] : undefined;
  const names = tokens[j]?.type === 'word' ? (latin ?? number) : undefined;
  if (names === undefined) return noun > 0 ? null : tie(tokens, i);
  let end = j + 1;
  if (opened && CLOSING.has(at(tokens, end))) end++;
  const possessive = letter.endsWith("'s")
    ? 0
    : at(tokens, end) === '的' || at(tokens, end) === 'の'
      ? 1
      : -1;
  if (possessive >= 0) {
    const whose = SHOWN.at(tokens, end + possessive);
    // What is better is a part of it, as its style.
    if (whose === 0 && letter.endsWith("'s")) return null;
    if (whose > 0) end += possessive + whose;
  }
  const capital = tokens[j]?.capital === true;
  return { names, first: i, end, certain: noun > 0 || capital || number !== undefined };
}

function tie(tokens: readonly Token[], i: number): Slot | null {
  if (at(tokens, i) === 'c')
    return { names: 'tie', first: i, end: i + 1, certain: tokens[i]?.capital === true };
  const length = TIES.at(tokens, i);
  return length > 0 ? { names: 'tie', first: i, end: i + length, certain: true } : null;
}
