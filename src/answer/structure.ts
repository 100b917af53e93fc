import { isName, nameOf } from './name.ts';
import { NOT_AN_EXPRESSION, parseQuantity, type Quantity } from './parse.ts';
import { type Token, tokenize } from './tokens.ts';
import { spend } from './work.ts';

/** What an answer is. */
export type Answer =
  | ({ readonly kind: 'quantity' } & Quantity)
  /** `unread`: it looks like mathematics that the parser does not know. */
  | { readonly kind: 'text'; readonly text: string; readonly unread: boolean }
  /** Brackets decide: (2, 3) is a point or an open interval, [2, 3) an interval. */
  | {
      readonly kind: 'tuple';
      readonly open: string;
      readonly close: string;
      readonly items: readonly Answer[];
    }
  /** Lists, sets and unions: the order means nothing. */
  | { readonly kind: 'set'; readonly items: readonly Answer[] }
  | { readonly kind: 'matrix'; readonly rows: readonly (readonly Answer[])[] }
  | {
      readonly kind: 'relation';
      readonly relation: Relation;
      readonly left: Quantity;
      readonly right: Quantity;
      /** Its left side only says what the right one is: x, AB, f(x). */
      readonly name: 'letter' | 'function' | 'other' | null;
    }
  /** `clock`: it may be a time of day, 12:00. */
  | { readonly kind: 'ratio'; readonly terms: readonly Quantity[]; readonly clock: boolean };

export type Relation = '=' | '<' | '≤' | '>' | '≥' | '≠';

const RELATIONS: Readonly<Record<string, Relation>> = {
  '=': '=',
  '<': '<',
  '>': '>',
  lt: '<',
  gt: '>',
  le: '≤',
  ge: '≥',
  ne: '≠',
};

/** Reads an answer; whatever is not understood as mathematics is text. `grouped`: a comma before three digits groups thousands. */
export function readAnswer(answer: string, grouped = true): Answer {
  return read(trimmed(tokenize(answer, grouped)), answer);
}

function trimmed(tokens: readonly Token[]): Token[] {
  const out = [...tokens];
  while (out.at(-1)?.kind === 'symbol' && /^[.,;]$/.test(out.at(-1)?.text as string)) out.pop();
  return out;
}

function read(whatever: readonly Token[], source: string): Answer {
  spend(10 + 4 * whatever.length);
  const tokens = exactPart(whatever);
  // "x ∈ …" and "x = …" name the unknown; what counts stands behind.
  const member = tokens.findIndex(({ kind, text }) => kind === 'command' && text === 'in');
  if (member === 1) return read(tokens.slice(2), source);
  const whole = inBraces(tokens);
  if (whole) return setOf(listItems(whole), source);
  const matrix = readMatrix(tokens, source) ?? readMatrix(tokens.slice(1, -1), source);
  if (matrix) return matrix;
  if (tokens.length === 1 && isCommand(tokens[0], 'emptyset')) return { kind: 'set', items: [] };
  const value = namedValue(tokens);
  if (value) return read(value, source);

  const unions = split(tokens, ({ kind, text }) => kind === 'command' && text === 'cup');
  if (unions.length > 1) return setOf(unions, source);
  const tuple = readTuple(tokens, source);
  if (tuple) return tuple;
  const items = listItems(tokens);
  if (items.length > 1 && items.every(isMathematical)) return setOf(withName(items), source);
  return readRelation(tokens) ?? readRatio(tokens) ?? readQuantity(tokens) ?? text(source, tokens);
}

const isCommand = (token: Token | undefined, name: string) =>
  token?.kind === 'command' && token.text === name;

/** Of 1/3 ≈ 0.33 what stands before the sign, of x ≈ 11 what stands behind it. */
function exactPart(tokens: readonly Token[]): readonly Token[] {
  const at = tokens.findIndex((token) => isCommand(token, 'approx'));
  if (at <= 0) return tokens;
  const before = tokens.slice(0, at);
  return isName(before) ? exactPart(tokens.slice(at + 1)) : before;
}

/** (x, y) = …, A = \\begin{pmatrix}…, D = [0, 1): what stands behind the name, where it is more than an expression. */
function namedValue(tokens: readonly Token[]): readonly Token[] | null {
  const parts = split(tokens, ({ kind, text }) => kind === 'symbol' && text === '=');
  const [name, value] = parts as [Token[], Token[] | undefined];
  if (parts.length !== 2 || !value?.length || !isName(name)) return null;
  return split(value, isSeparator).length > 1 || quantity(value) !== null ? null : value;
}

/** "x = 1, 2" names the unknown of both. */
function withName(items: Token[][]): Token[][] {
  const [first] = items as [Token[]];
  const named = first[0]?.kind === 'word' && first[1]?.text === '=';
  return named && !items.slice(1).some(hasRelation) ? [first.slice(2), ...items.slice(1)] : items;
}

const hasRelation = (tokens: readonly Token[]) => tokens.some(({ text }) => text in RELATIONS);
const isMathematical = (tokens: readonly Token[]) =>
  tokens.length > 0 && (tokens.length === 1 || tokens.some(({ kind }) => kind !== 'text' && kind !== 'word'));

function setOf(items: readonly (readonly Token[])[], source: string): Answer {
  return { kind: 'set', items: items.map((item) => read(item, plain(item) || source)) };
}

const plain = (tokens: readonly Token[]) => tokens.map(({ text }) => text).join(' ');

/** \\{ … \\} around everything, or { … } around a list. */
function inBraces(tokens: readonly Token[]): readonly Token[] | null {
  const [open, close] = [tokens[0]?.text, tokens.at(-1)?.text];
  const inside = tokens.slice(1, -1);
  if (open === '\\{' && close === '\\}') return inside;
  const list = open === '{' && close === '}' && isBalanced(inside) && split(inside, isSeparator).length > 1;
  return list ? inside : null;
}

/** Whether no bracket closes that was not opened here. */
function isBalanced(tokens: readonly Token[]): boolean {
  let depth = 0;
  for (const { kind, text } of tokens) {
    if (kind === 'symbol' && OPENING.has(text)) depth++;
    if (kind === 'symbol' && CLOSING.has(text) && --depth < 0) return false;
  }
  return depth === 0;
}

const isSeparator = ({ kind, text }: Token) => kind === 'symbol' && (text === ',' || text === ';');

const OPENING = new Set(['(', '[', '{', '\\{']);
const CLOSING = new Set([')', ']', '}', '\\}']);

/** Parts between separators that stand outside of every bracket. */
function split(tokens: readonly Token[], separates: (token: Token) => boolean): Token[][] {
  const parts: Token[][] = [[]];
  let depth = 0;
  for (const token of tokens) {
    if (token.kind === 'symbol' && OPENING.has(token.text)) depth++;
    if (token.kind === 'symbol' && CLOSING.has(token.text)) depth--;
    if (depth === 0 && separates(token)) parts.push([]);
    else parts.at(-1)?.push(token);
  }
  return parts;
}

function listItems(tokens: readonly Token[]): Token[][] {
  const separates = ({ kind, text }: Token) =>
    kind === 'symbol' ? text === ',' || text === ';' : kind !== 'number' && /^,?\s*(?:and|or)$/i.test(text);
  const parts = split(tokens, separates).filter((part) => part.length > 0);
  return parts.flatMap((part) => {
    const plusMinus = part.some(({ kind, text }) => kind === 'command' && (text === 'pm' || text === 'mp'));
    return plusMinus ? [signed(part, '+', '-'), signed(part, '-', '+')] : [part];
  });
}

const signed = (tokens: readonly Token[], pm: string, mp: string): Token[] =>
  tokens.map((token) =>
    token.kind === 'command' && (token.text === 'pm' || token.text === 'mp')
      ? { ...token, kind: 'symbol', text: token.text === 'pm' ? pm : mp }
      : token,
  );

/** (…, …), [… , …): brackets around everything, with a comma inside. */
function readTuple(tokens: readonly Token[], source: string): Answer | null {
  const [open, close] = [tokens[0]?.text, tokens.at(-1)?.text];
  if ((open !== '(' && open !== '[') || (close !== ')' && close !== ']')) return null;
  let depth = 0;
  for (const [i, { kind, text }] of tokens.entries()) {
    if (kind === 'symbol' && OPENING.has(text)) depth++;
    if (kind === 'symbol' && CLOSING.has(text)) depth--;
    if (depth === 0 && i < tokens.length - 1) return null;
  }
  const parts = split(tokens.slice(1, -1), isSeparator);
  if (parts.length < 2) return null;
  return { kind: 'tuple', open, close, items: parts.map((part) => read(part, plain(part) || source)) };
}

function readMatrix(tokens: readonly Token[], source: string): Answer | null {
  const begins = tokens[0]?.kind === 'command' && tokens[0].text === 'begin';
  if (!begins || tokens[1]?.text !== '{') return null;
  const open = tokens.findIndex(({ text }) => text === '}') + 1;
  const end = tokens.findLastIndex(({ kind, text }) => kind === 'command' && text === 'end');
  const inside = tokens.slice(open, end);
  // A sum of matrices is none.
  if (inside.some((token) => isCommand(token, 'begin') || isCommand(token, 'end'))) return null;
  if (open <= 0 || end < open || !/matrix|array/.test(plain(tokens.slice(1, open)))) return null;
  // The columns of an array, {cc}, are layout.
  let start = open;
  if (tokens[2]?.text === 'array' && tokens[start]?.text === '{')
    start = tokens.findIndex(({ text }, i) => i > start && text === '}') + 1;
  const rows = split(tokens.slice(start, end), ({ text }) => text === '\\\\').filter((row) => row.length > 0);
  const cells = rows.map((row) =>
    split(row, ({ text }) => text === '&').map((cell) => read(cell, plain(cell) || source)),
  );
  return { kind: 'matrix', rows: cells };
}

function readRelation(tokens: readonly Token[]): Answer | null {
  const at = tokens.flatMap(({ kind, text }, i) => (kind !== 'text' && text in RELATIONS ? [i] : []));
  if (at.length === 0) return null;
  const sides = [0, ...at.map((i) => i + 1)].map((from, i) => tokens.slice(from, at[i] ?? tokens.length));
  const relations = at.map((i) => RELATIONS[tokens[i]?.text as string] as Relation);
  const name = at.length === 1 && relations[0] === '=' ? nameOf(sides[0] as Token[]) : null;
  const quantities = sides.map(quantity);
  // A name may be one that is no expression: ∠ABC.
  if (name !== null) quantities[0] ??= variable(plain(sides[0] as Token[]));
  if (quantities.some((side) => side === null)) return null;
  if (at.length === 1) {
    const [left, right] = quantities as [Quantity, Quantity];
    return { kind: 'relation', relation: relations[0] as Relation, left, right, name };
  }
  return chain(quantities as Quantity[], relations);
}

const variable = (name: string): Quantity => ({
  expression: { op: 'symbol', name },
  unit: null,
  percent: false,
  base: null,
});

/** a < x ≤ b is the interval (a, b]; a = b = c says what c is. */
function chain(sides: readonly Quantity[], relations: readonly Relation[]): Answer | null {
  if (relations.every((relation) => relation === '='))
    return { kind: 'quantity', ...(sides.at(-1) as Quantity) };
  const [first, second] = relations as [Relation, Relation];
  const rising = /[<≤]/.test(first) && /[<≤]/.test(second);
  const falling = /[>≥]/.test(first) && /[>≥]/.test(second);
  if (sides.length !== 3 || sides[1]?.expression.op !== 'symbol' || (!rising && !falling)) return null;
  const closed = (relation: Relation) => relation === '≤' || relation === '≥';
  const [low, high] = rising ? [sides[0], sides[2]] : [sides[2], sides[0]];
  const [lower, upper] = rising ? [first, second] : [second, first];
  return {
    kind: 'tuple',
    open: closed(lower) ? '[' : '(',
    close: closed(upper) ? ']' : ')',
    items: [low, high].map((side) => ({ kind: 'quantity', ...(side as Quantity) })),
  };
}

/** 1:2 */
function readRatio(tokens: readonly Token[]): Answer | null {
  const parts = split(tokens, ({ kind, text }) => kind === 'symbol' && text === ':');
  if (parts.length < 2) return null;
  const terms = parts.map(quantity);
  if (terms.some((term) => term === null)) return null;
  const [hours, minutes] = parts.map((part) => (part.length === 1 ? (part[0]?.text ?? '') : '')) as [
    string,
    string,
  ];
  const clock = parts.length === 2 && /^\d\d?$/.test(hours) && /^[0-5]\d$/.test(minutes);
  return { kind: 'ratio', terms: terms as Quantity[], clock };
}

function quantity(tokens: readonly Token[]): Quantity | null {
  try {
    return tokens.length === 0 ? null : parseQuantity(tokens, 1);
  } catch (error) {
    if (error === NOT_AN_EXPRESSION) return null;
    throw error;
  }
}

function readQuantity(tokens: readonly Token[]): Answer | null {
  const plusMinus = tokens.some(({ kind, text }) => kind === 'command' && (text === 'pm' || text === 'mp'));
  if (plusMinus) return setOf([signed(tokens, '+', '-'), signed(tokens, '-', '+')], plain(tokens));
  // "no solution" is no product of n and o.
  const words = tokens.every(({ kind }) => kind === 'word' || kind === 'text');
  if (words && tokens.length > 1 && (tokens[0]?.text.length ?? 0) > 1) return null;
  const read = quantity(tokens);
  return read && { kind: 'quantity', ...read };
}

const NUMERALS =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty'.split(
    ' ',
  );

/** Words: case, spaces, punctuation and the parentheses of a choice letter mean nothing; a numeral is its number. */
function text(source: string, tokens: readonly Token[]): Answer {
  const words = (tokens.length > 0 ? plain(tokens) : source)
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\\=<>^+\-*/|_{}]+/gu, ' ')
    .trim();
  const numeral = NUMERALS.indexOf(words);
  if (numeral >= 0) return readAnswer(String(numeral));
  if (/^no (?:real )?solutions?$/.test(words)) return { kind: 'set', items: [] };
  const layout = tokens.some((token) => isCommand(token, 'begin'));
  const prose = tokens.some(
    ({ kind, text }) => (kind === 'word' || kind === 'text') && /\p{L}{3}/u.test(text),
  );
  const unread =
    (!prose || layout) &&
    tokens.some(
      ({ kind, text }) => kind === 'command' || (kind === 'symbol' && /^[=<>^+*/|_{}]$/.test(text)),
    );
  return { kind: 'text', text: words, unread };
}
