import { at, type Named, type Slot, slotAt } from './slots.ts';
import type { Token } from './tokens.ts';
import { BETTER, FIELDS, FILLERS, JOINTS, LABELS } from './words.ts';

/** Indices of tokens: [first, end). */
export interface Span {
  readonly first: number;
  readonly end: number;
}

export interface Marker extends Span {
  readonly names: Named;
}

const NOUNS = new Set([
  'response',
  'answer',
  'assistant',
  'one',
  'option',
  'choice',
  'model',
  'output',
  'candidate',
]);
const CORRECT = new Set(['correct', 'right', 'wrong', 'their', 'its', 'incorrect']);
const QUESTION = new Set(['answer', 'option', 'choice']);
const STOPS = new Set([
  '\n',
  '.',
  ',',
  ';',
  '!',
  ')',
  ']',
  '}',
  '"',
  '\u201d',
  "'",
  '<',
  '```',
  '|',
  '(',
  '-',
  '。',
]);
/** A reason or a degree follows. */
const GOES_ON = new Set(['because', 'since', 'as', 'due', 'overall', 'over', 'wins', 'here', '为', '更']);

/** `[[A]]`, and `[[A>>B]]`, `[[A=B]]`, `[[Assistant A]]`, `[[Tie]]` of other judges' prompts. */
export function bracketed(tokens: readonly Token[], i: number): Marker | null {
  if (at(tokens, i) !== '[' || at(tokens, i + 1) !== '[') return null;
  const named = compared(tokens, i + 2) ?? slotAt(tokens, i + 2);
  if (named === null) return null;
  const { names, end } = named;
  return at(tokens, end) === ']' && at(tokens, end + 1) === ']' ? { names, first: i, end: end + 2 } : null;
}

/** LaTeX's. */
const SIGNS: Readonly<Record<string, string>> = {
  succ: '>',
  gg: '>',
  prec: '<',
  ll: '<',
  approx: '=',
  sim: '=',
  equiv: '=',
};

/** `A>B`, `Assistant B >> Assistant A`, `A=B`: two slots and what is between them. */
export function compared(tokens: readonly Token[], i: number): Slot | null {
  const one = slotAt(tokens, i);
  if (one === null || one.names === 'tie') return null;
  const sign = SIGNS[at(tokens, one.end)] ?? at(tokens, one.end);
  if (sign !== '>' && sign !== '<' && sign !== '=') return null;
  let end = one.end + 1;
  while (end < one.end + 3 && at(tokens, end) === sign) end++;
  const other = slotAt(tokens, end);
  if (other === null || other.names === one.names || other.names === 'tie') return null;
  const names = sign === '=' ? 'tie' : sign === '<' ? other.names : one.names;
  return { names, first: i, end: other.end, certain: one.certain && other.certain };
}

/** A comparison that stands for itself: on a line, or behind a label's colon; `if A > B:` is none. */
export function ranking(tokens: readonly Token[], i: number): Marker | null {
  const found = compared(tokens, i);
  if (found === null || !found.certain || tokens[i]?.code) return null;
  const before = at(tokens, i - 1);
  const begins =
    i === 0 || before === '\n' || before === '[' || before === '(' || JOINTS.before(tokens, i) > 0;
  return begins && stops(tokens, found.end) ? found : null;
}

/** `\boxed{A}`, `<verdict>A</verdict>`, `Final verdict: A`, `"winner": "A"`, `The better response is B.`, `最终判断：A`. */
export function labelled(tokens: readonly Token[], i: number): Marker | null {
  const word = at(tokens, i);
  if (word === 'boxed') return boxed(tokens, i);
  if (word === '<') return tagged(tokens, i);
  if (word === '"' || word === "'") return field(tokens, i, word);
  const twoWords = (word === 'better' || word === 'best') && NOUNS.has(at(tokens, i + 1)) ? 2 : 0;
  // `The best answer is (A)` may well be about the question: only `Assistant A` is a slot then.
  const ofTheQuestion = word === 'best' && QUESTION.has(at(tokens, i + 1));
  const label = twoWords || LABELS.at(tokens, i);
  if (label === 0) return null;
  // `The correct choice is C` is about the question.
  if (CORRECT.has(at(tokens, i - 1))) return null;
  const value = valueAfter(tokens, i + label);
  if (value === null) return null;
  const slot = compared(tokens, value.at) ?? slotAt(tokens, value.at, { numbers: true });
  // `verdict: a` and nothing else in its line.
  const plain = slot !== null && slot.names !== 'tie' && at(tokens, slot.end) === '\n';
  if (slot === null || !(slot.certain || plain) || (ofTheQuestion && slot.end === value.at + 1)) return null;
  // An article is a small letter or stands before a noun; a slot is a capital before a stop.
  const ends =
    stops(tokens, slot.end) || GOES_ON.has(at(tokens, slot.end)) || betterAfter(tokens, slot.end) !== null;
  const alone = !value.heading || at(tokens, slot.end) === '\n' || betterAfter(tokens, slot.end) !== null;
  return ends && alone ? { names: slot.names, first: i, end: slot.end } : null;
}

/** Tokens between a label and its slot. */
const BETWEEN = 9;

/** Where the value of a label begins: behind `:`, `is` and the like, or in the next line with words where the label ends its
 * own. */
function valueAfter(tokens: readonly Token[], start: number): { at: number; heading: boolean } | null {
  let joined = false;
  let heading = false;
  let j = start;
  while (j < start + BETWEEN) {
    const sign = at(tokens, j);
    if (sign === '[' && at(tokens, j + 1) === '[') return null;
    if (j < tokens.length && sign === '\n') {
      heading = true;
      j++;
      continue;
    }
    if (heading && sign === '>') {
      j++;
      continue;
    }
    const joint = JOINTS.at(tokens, j);
    if (joint > 0) joined = true;
    const length = joint || FILLERS.at(tokens, j);
    if (length === 0) break;
    j += length;
  }
  return joined || heading ? { at: j, heading } : null;
}

/** `<final_verdict> A </final_verdict>`. */
function tagged(tokens: readonly Token[], i: number): Marker | null {
  const close = [i + 2, i + 3].find((k) => at(tokens, k) === '>');
  if (close === undefined || FIELDS.at(tokens, close - 1) !== 1) return null;
  const start = overBlanks(tokens, close + 1);
  const slot = compared(tokens, start) ?? slotAt(tokens, start, { numbers: true });
  if (slot === null) return null;
  const end = overBlanks(tokens, slot.end);
  return at(tokens, end) === '<' ? { names: slot.names, first: i, end } : null;
}

/** `"winner": "model_b"`: a field of JSON, of at most three words. */
function field(tokens: readonly Token[], i: number, quote: string): Marker | null {
  const close = [i + 2, i + 3, i + 4].find((k) => at(tokens, k) === quote);
  if (close === undefined || at(tokens, close + 1) !== ':') return null;
  let names = false;
  for (let k = i + 1; k < close; k++) names ||= FIELDS.at(tokens, k) > 0;
  if (!names) return null;
  let start = close + 2;
  if (at(tokens, start) === quote) start++;
  while (at(tokens, start) === '[' && start < close + 5) start++;
  const slot = compared(tokens, start) ?? slotAt(tokens, start, { numbers: true });
  if (slot === null) return null;
  // `"A" | "B"` is a schema.
  const listed = at(tokens, slot.end) === quote && ['|', '/'].includes(at(tokens, slot.end + 1));
  return !listed && [quote, ',', '}', '\n', ']'].includes(at(tokens, slot.end))
    ? { names: slot.names, first: i, end: slot.end }
    : null;
}

/** Line breaks that are looked over. */
const BLANKS = 4;

function overBlanks(tokens: readonly Token[], start: number): number {
  let i = start;
  while (i < start + BLANKS && i < tokens.length && at(tokens, i) === '\n') i++;
  return i;
}

function boxed(tokens: readonly Token[], i: number): Marker | null {
  if (at(tokens, i + 1) !== '{') return null;
  let j = i + 1;
  while (j < i + 6 && (at(tokens, j) === '{' || at(tokens, j).startsWith('text'))) j++;
  const slot = compared(tokens, j) ?? slotAt(tokens, j);
  return slot && at(tokens, slot.end) === '}' ? { names: slot.names, first: i, end: slot.end + 1 } : null;
}

const AROUND = new Set([...'."\u201c\u201d[](){}:,!|\'-']);
const ANSWERS = new Set([
  'answer',
  'output',
  'response',
  'final',
  'my',
  'the',
  'is',
  'hence',
  'so',
  'thus',
  'therefore',
  'definitely',
  'clearly',
  'it',
]);

/** The whole output, or its last line, is one slot: `A`, `**B.**`, `(A)`, `Assistant B`, `A > B`, `Hence, B.` */
export function alone(tokens: readonly Token[], from: number): Marker | null {
  let end = tokens.length;
  while (end > from && at(tokens, end - 1) === '\n') end--;
  let first = end;
  while (first > from && at(tokens, first - 1) !== '\n') first--;
  const found = slotLine(tokens, first, end);
  if (found === null) return null;
  // A list of slots is none of them.
  let last = first;
  while (last > from && at(tokens, last - 1) === '\n') last--;
  let line = last;
  while (line > from && at(tokens, line - 1) !== '\n') line--;
  return last > from && slotLine(tokens, line, last) ? null : found;
}

/** Words of a line that is a slot. */
const LINE = 14;

export function slotLine(tokens: readonly Token[], first: number, end: number): Marker | null {
  if (end - first > LINE || at(tokens, first) === '>') return null;
  for (let i = first; i < end; i++) {
    const text = at(tokens, i);
    if (text === '[' && at(tokens, i + 1) === '[') return null;
    const slot = compared(tokens, i) ?? slotAt(tokens, i);
    if (slot === null) {
      if (AROUND.has(text) || ANSWERS.has(text) || isPicture(text)) continue;
      return null;
    }
    for (let j = slot.end; j < end; j++) if (!AROUND.has(at(tokens, j))) return null;
    return slot.certain ? { names: slot.names, first: i, end: slot.end } : null;
  }
  return null;
}

/** `> Final verdict: [[A]]` as the last line, set off from what the judge has said before: no quotation of anyone. */
export function setOff<Found extends Span>(
  tokens: readonly Token[],
  from: number,
  read: (tokens: readonly Token[], i: number) => Found | null,
): Found | null {
  let end = tokens.length;
  while (end > from && at(tokens, end - 1) === '\n') end--;
  let first = end;
  while (first > from && at(tokens, first - 1) !== '\n') first--;
  let last = first;
  while (last > from && at(tokens, last - 1) === '\n') last--;
  let line = last;
  while (line > from && at(tokens, line - 1) !== '\n') line--;
  if (at(tokens, first) !== '>' || last === from || at(tokens, line) === '>') return null;
  if (at(tokens, last - 1) === ':' || ![first + 1, first + 2].some((i) => isLabel(tokens, i))) return null;
  for (let i = first; i < Math.min(end, first + LINE); i++) {
    const marker = read(tokens, i);
    if (marker !== null) return stops(tokens, marker.end) ? marker : null;
  }
  return null;
}

const isLabel = (tokens: readonly Token[], i: number) =>
  LABELS.at(tokens, i) > 0 || at(tokens, i) === 'rating' || at(tokens, i) === 'score';

/** A trophy, an arrow. */
function isPicture(text: string): boolean {
  const code = text.charCodeAt(0);
  return (
    text.length === 1 &&
    ((code >= 0x2190 && code < 0x2e80) || (code >= 0xd800 && code < 0xe000) || code === 0xfe0f)
  );
}

const BE = new Set(['is', 'was', 'ist', 'war', 'est', 'es', 'é', 'è']);

/** `is slightly better`, `is the better response`: where it ends. */
function betterAfter(tokens: readonly Token[], i: number): number | null {
  if (!BE.has(at(tokens, i))) return null;
  for (let j = i + 1; j < i + 5; j++) {
    const length = BETTER.at(tokens, j);
    if (length === 0) continue;
    return NOUNS.has(at(tokens, j + length)) ? j + length + 1 : j + length;
  }
  return null;
}

/** A list of both slots is none of them. */
function stops(tokens: readonly Token[], i: number): boolean {
  if (i >= tokens.length) return true;
  const listed = at(tokens, i) === ',' && slotAt(tokens, at(tokens, i + 1) === 'or' ? i + 2 : i + 1) !== null;
  return STOPS.has(at(tokens, i)) && !listed;
}
