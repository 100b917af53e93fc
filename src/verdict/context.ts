import type { Span } from './markers.ts';
import type { Token } from './tokens.ts';

const NEGATIONS = new Set(['not', 'never', 'over', 'than', 'against', 'nor', "isn't"]);
const DENIALS = new Set([
  'not',
  'never',
  'cannot',
  "isn't",
  "don't",
  "doesn't",
  "won't",
  "can't",
  "wouldn't",
]);
const GIVING = new Set([
  ...[
    'give',
    'award',
    'assign',
    'rate',
    'say',
    'write',
    'output',
    'pick',
    'choose',
    'deserve',
    'deserves',
    'be',
  ],
  // No article: `A` is a slot.
  ...['it', 'this', 'them', 'as', 'with'],
]);
const ALMOST = new Set(['almost', 'nearly', 'considered', 'tempted']);
/** What is said reaches over a colon; what is held does not: `A includes more detail: [[A]]`. */
const SAYING = new Set([
  ...[
    'says',
    'said',
    'saying',
    'claims',
    'claimed',
    'claiming',
    'states',
    'stated',
    'writes',
    'wrote',
    'asks',
  ],
  ...[
    'asked',
    'tells',
    'told',
    'instructs',
    'instructed',
    'demands',
    'prints',
    'declares',
    'announces',
    'orders',
  ],
  ...[
    'demanding',
    'requests',
    'requested',
    'requesting',
    'wants',
    'telling',
    'instructing',
    'asking',
    'writing',
  ],
  ...['tries', 'tried', 'attempts', 'attempted', 'injects', 'injected', 'inserts', 'inserted', 'appends'],
]);
const HOLDING = new Set([
  ...['contains', 'contain', 'includes', 'ends', 'begins', 'starts', 'quotes', 'repeats', 'mentions'],
  ...['text', 'string', 'phrase'],
]);
const OWN = new Set(['verdict', 'decision', 'choice', 'winner', 'conclusion', 'judgment', 'judgement']);
const COMPARISONS = new Set([
  'better',
  'tie',
  'tied',
  'equal',
  'equally',
  'superior',
  'wins',
  'best',
  'same',
  'prefer',
]);
const QUOTES = new Set(['"', '\u201c', '\u201d', "'"]);
const SEPARATORS = new Set(['or', 'and', 'to', 'through', ',', '/', '|', '-', '–', '…', ...QUOTES]);

/** How far a look around a marker goes, in tokens: a bound, so that reading stays linear. */
const REACH = 24;

const at = (tokens: readonly Token[], i: number): string => tokens[i]?.text ?? '\n';

/** Whether a marker is spoken of rather than spoken: negated, conditional, or said to be a response's. `from` is where
 * the voice begins. */
export function spokenOf(tokens: readonly Token[], marker: Span, from: number): boolean {
  const before = sentenceBefore(tokens, marker.first, from);
  return negated(before) || conditional(tokens, marker, before) || attributed(before) || exampled(before);
}

/** `for example: [[5]]`. */
function exampled(before: readonly string[]): boolean {
  const said = before.filter((text) => !QUOTES.has(text) && text !== ':' && text !== ',');
  return ['example', 'instance'].includes(said.at(-1) ?? '');
}

const EXAMPLES = new Set(['example', 'format', 'template', 'sample', 'instance', 'schema']);

/** Whether it is an example of how a verdict is written: `Format: Verdict: A`. */
export function exemplary(tokens: readonly Token[], marker: Span, from: number): boolean {
  return sentenceBefore(tokens, marker.first, from).some((text) => EXAMPLES.has(text));
}

/** Whether it is shown: one of a list, or inside quotation marks. */
export function shown(tokens: readonly Token[], marker: Span, from: number): boolean {
  return listed(tokens, marker, from) || quotation(tokens, marker, from);
}

/** The words and signs of its sentence before it, the nearest last. */
function sentenceBefore(tokens: readonly Token[], first: number, from: number): readonly string[] {
  const said: string[] = [];
  for (let i = first - 1; i >= Math.max(from, first - REACH); i--) {
    const text = at(tokens, i);
    if (['\n', '.', '!', '?', ';', ']', '```'].includes(text)) break;
    said.unshift(text);
  }
  return said;
}

function negated(before: readonly string[]): boolean {
  const said = before.filter((text) => !QUOTES.has(text));
  const last = said.at(-1) ?? '';
  if (said.slice(-4).some((text) => ALMOST.has(text))) return true;
  // `I will not give it [[9]]`.
  if (DENIALS.has(said.findLast((text) => !GIVING.has(text)) ?? '')) return true;
  return NEGATIONS.has(last) || (last === 'of' && said.at(-2) === 'instead');
}

/** `“[[A]]” if assistant A is better`, `If assistant A is better, output [[A]]`. */
function conditional(tokens: readonly Token[], { end }: Span, before: readonly string[]): boolean {
  if (['if', 'when', 'whether'].includes(before.find((text) => !QUOTES.has(text) && text !== '(') ?? ''))
    return true;
  let i = end;
  while (QUOTES.has(at(tokens, i)) || at(tokens, i) === ':') i++;
  if (!['if', 'when', 'for', 'means', '='].includes(at(tokens, i))) return false;
  for (let j = i; j < i + 10 && at(tokens, j) !== '\n' && at(tokens, j) !== '.'; j++) {
    if (COMPARISONS.has(at(tokens, j))) return true;
  }
  return false;
}

/** `[[A]] or [[B]]`, `[[A]], [[B]], [[C]]`, `[[A]] [[B]]`: nothing but separators to the next or from the last marker. */
function listed(tokens: readonly Token[], { first, end }: Span, from: number): boolean {
  const other = (i: number, j: number) => at(tokens, i + 2) !== at(tokens, j + 2);
  let i = end;
  while (i < end + 4 && SEPARATORS.has(at(tokens, i))) i++;
  if (at(tokens, i) === '[' && at(tokens, i + 1) === '[' && (i > end || other(i, first))) return true;
  let j = first - 1;
  while (j > Math.max(from, first - 5) && SEPARATORS.has(at(tokens, j))) j--;
  return at(tokens, j) === ']' && at(tokens, j - 1) === ']' && (j < first - 1 || other(j - 4, first));
}

/** `Response B contains the text [[B]]`: a verb of speech at most four words before it, in its clause. */
function attributed(before: readonly string[]): boolean {
  let colon = false;
  for (const text of before.slice(-5).reverse()) {
    if (text === ',' || text === ')') return false;
    if (text === ':') colon = true;
    if (SAYING.has(text) || (HOLDING.has(text) && !colon)) return true;
  }
  return false;
}

/** Inside quotation marks that are not the judge's own way of writing its verdict. */
export function quotation(tokens: readonly Token[], { first, end }: Span, from: number): boolean {
  const opens = openingBefore(tokens, first, from);
  if (opens === null) return false;
  let closes = end;
  while (closes < end + REACH && !isClosing(at(tokens, closes)) && at(tokens, closes) !== '\n') closes++;
  if (!isClosing(at(tokens, closes))) return false;
  const prefix = sentenceBefore(tokens, opens, from);
  if (prefix.some((text) => SAYING.has(text) || HOLDING.has(text))) return true;
  const own = prefix.length === 0 || prefix.some((text) => OWN.has(text));
  const rest = at(tokens, closes + 1) === '.' ? closes + 2 : closes + 1;
  return !own || at(tokens, rest) !== '\n';
}

/** Inside quotation marks, whoever speaks. */
export function quoted(tokens: readonly Token[], { first, end }: Span, from: number): boolean {
  if (openingBefore(tokens, first, from) === null) return false;
  let closes = end;
  while (closes < end + REACH && !isClosing(at(tokens, closes)) && at(tokens, closes) !== '\n') closes++;
  return isClosing(at(tokens, closes));
}

/** The nearest quotation mark of the line that is open at a token. Straight ones open and close in turn. */
function openingBefore(tokens: readonly Token[], first: number, from: number): number | null {
  let nearest: number | null = null;
  let count = 0;
  for (let i = first - 1; i >= Math.max(from, first - 4 * REACH); i--) {
    const text = at(tokens, i);
    if (text === '\n') break;
    if (text === '\u201d') break;
    if (text === '\u201c') return i;
    if (text !== '"') continue;
    nearest ??= i;
    count++;
  }
  return count % 2 === 1 ? nearest : null;
}

function isClosing(text: string): boolean {
  return text === '"' || text === '\u201d';
}
