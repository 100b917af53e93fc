import { type Expression, exactValue } from './expression.ts';
import type { Quantity } from './parse.ts';
import { sameQuantity } from './same-quantity.ts';
import { constantRatio, sameValue } from './same-value.ts';
import { all, any, type Sameness } from './sameness.ts';
import { type Answer, type Relation, readAnswer } from './structure.ts';
import { bounded, spend } from './work.ts';

/** Longer answers are compared as text. */
const MAX_CHARACTERS = 2000;
const MAX_ITEMS = 64;
/** Steps of comparing two parts, whatever they are. */
const STEP = 5;

/** Mathematical equivalence of two final answers, LaTeX or plain text: numbers in all spellings, fractions, mixed numbers,
 * percentages, units, intervals, tuples, sets, matrices, equations, algebraic expressions, words, choice letters. Rational
 * numbers are compared exactly, everything else at seeded random points. Takes a bounded number of steps: what needs more, and
 * numbers too large to compute (9^9^9^9), is `undecided`. Blank or absent answers are the same as nothing. */
export function sameAnswer(a: string | null, b: string | null): Sameness {
  // In one order, so that both ways take the same steps.
  const [left, right] = [a?.trim() ?? '', b?.trim() ?? ''].sort() as [string, string];
  if (left === '') return false;
  if (left === right) return true;
  if (left.length > MAX_CHARACTERS || right.length > MAX_CHARACTERS) return 'undecided';
  return bounded(
    () => sameChoice(left, right) ?? sameChoice(right, left) ?? sameReading(left, right),
    'undecided',
  );
}

/** A letter with what it stands for, (A) 5 or \\textbf{(A) }5: either is enough, but of two letters those decide. */
const CHOICE = /^(?:\\(?:text(?:bf|rm)?|mathrm|mathbf) ?\{)?\(([A-J])\)(?:[\s~]*\}|\s)[\s~]*([\w\\$(-].*)$/s;

function sameChoice(a: string, b: string): Sameness | null {
  const [, letter, content] = CHOICE.exec(a) ?? [];
  if (letter === undefined || content === undefined) return null;
  const other = CHOICE.exec(b)?.[1];
  return other === undefined ? any([sameReading(letter, b), sameReading(content, b)]) : letter === other;
}

const GROUPED = /\d,\d{3}(?!\d)/;

/** 100,200,300 is a number, but a list beside 100, 200, 300. */
function sameReading(a: string, b: string): Sameness {
  const result = same(readAnswer(a), readAnswer(b));
  if (result === true || !(GROUPED.test(a) || GROUPED.test(b))) return result;
  return same(readAnswer(a, false), readAnswer(b, false)) === true || result;
}

function same(a: Answer, b: Answer): Sameness {
  spend(STEP);
  if (a.kind === 'quantity' && b.kind === 'quantity') return sameQuantity(a, b);
  if (a.kind === 'text' && b.kind === 'text' && a.text.replaceAll(' ', '') === b.text.replaceAll(' ', ''))
    return true;
  if ((a.kind === 'text' && a.unread) || (b.kind === 'text' && b.unread)) return 'undecided';
  if (a.kind === 'text' && b.kind === 'text') return false;
  if (a.kind === 'set' && b.kind === 'tuple') return sameInOrder(a.items, b) ?? sameSet(a.items, [b]);
  if (b.kind === 'set' && a.kind === 'tuple') return sameInOrder(b.items, a) ?? sameSet(b.items, [a]);
  if (a.kind === 'set' || b.kind === 'set') {
    // Of x ≠ 2 the numbers are a union of intervals.
    const excluded = (answer: Answer) => answer.kind === 'relation' && answer.relation === '≠';
    return excluded(a) || excluded(b) ? 'undecided' : sameSet(itemsOf(a), itemsOf(b));
  }
  if (a.kind === 'tuple' && b.kind === 'tuple') return sameTuple(a, b);
  if (a.kind === 'matrix' && b.kind === 'matrix') return sameMatrix(a.rows, b.rows);
  if (a.kind === 'matrix') return sameVector(a.rows, b);
  if (b.kind === 'matrix') return sameVector(b.rows, a);
  if (a.kind === 'relation' && b.kind === 'relation') return sameRelation(a, b);
  if (a.kind === 'relation') return sameSide(a, b);
  if (b.kind === 'relation') return sameSide(b, a);
  if (a.kind === 'ratio' && b.kind === 'ratio') {
    const ratio = sameRatio(a.terms, b.terms);
    if (ratio === false || !a.clock || !b.clock) return ratio;
    // 10:15 and 12:18 are one ratio and two times.
    const terms = all(a.terms.map((term, i) => sameQuantity(term, b.terms[i] as Quantity)));
    return terms === false && !a.terms.some(isZero) ? 'undecided' : terms;
  }
  if (a.kind === 'ratio' && b.kind === 'quantity') return sameRatio(a.terms, [b, ONE]);
  if (b.kind === 'ratio' && a.kind === 'quantity') return sameRatio(b.terms, [a, ONE]);
  return sameAcrossKinds(a, b);
}

/** A choice letter is text in \text{B} and a variable in B. */
function sameAcrossKinds(a: Answer, b: Answer): Sameness {
  const letter = (answer: Answer) => {
    if (answer.kind === 'text') return answer.text;
    if (answer.kind !== 'quantity') return null;
    if (answer.expression.op === 'symbol') return answer.expression.name.toLowerCase();
    return answer.expression.op === 'constant' ? answer.expression.name : null;
  };
  const [left, right] = [letter(a), letter(b)];
  return left !== null && left === right;
}

const isZero = ({ expression }: Quantity) => exactValue(expression)?.n === 0n;

/** x = 3, y = 4 is (3, 4); whether 3, 4 is cannot be told. Null where they differ. */
function sameInOrder(items: readonly Answer[], tuple: Tuple): Sameness | null {
  if (items.length !== tuple.items.length || tuple.open !== '(' || tuple.close !== ')') return null;
  if (all(items.map((item, i) => same(item, tuple.items[i] as Answer))) !== true) return null;
  return items.every((item) => item.kind === 'relation' && item.name !== null) || 'undecided';
}

const itemsOf = (answer: Answer): readonly Answer[] => (answer.kind === 'set' ? answer.items : [answer]);

/** Equal where every item of one has its own equal item of the other. */
function sameSet(a: readonly Answer[], b: readonly Answer[]): Sameness {
  if (a.length !== b.length) return false;
  if (a.length > MAX_ITEMS) return 'undecided';
  const results = a.map((item) => b.map((other) => same(item, other)));
  if (matches(results, (result) => result === true)) return true;
  return matches(results, (result) => result !== false) ? 'undecided' : false;
}

/** Whether rows and columns pair off along allowed cells (Kuhn's algorithm). */
function matches(results: readonly (readonly Sameness[])[], allowed: (result: Sameness) => boolean): boolean {
  const owner: (number | undefined)[] = [];
  const place = (row: number, tried: Set<number>): boolean =>
    (results[row] as readonly Sameness[]).some((result, column) => {
      spend(1);
      if (!allowed(result) || tried.has(column)) return false;
      tried.add(column);
      const previous = owner[column];
      if (previous !== undefined && !place(previous, tried)) return false;
      owner[column] = row;
      return true;
    });
  return results.every((_, row) => place(row, new Set()));
}

type Tuple = Extract<Answer, { kind: 'tuple' }>;

function sameTuple(a: Tuple, b: Tuple): Sameness {
  if (a.items.length !== b.items.length || a.open !== b.open || a.close !== b.close) return false;
  if (a.items.length > MAX_ITEMS) return 'undecided';
  return all(a.items.map((item, i) => same(item, b.items[i] as Answer)));
}

type Rows = readonly (readonly Answer[])[];

function sameMatrix(a: Rows, b: Rows): Sameness {
  if (a.length !== b.length || a.some((row, i) => row.length !== b[i]?.length)) return false;
  if (a.length * (a[0]?.length ?? 0) > MAX_ITEMS) return 'undecided';
  return all(a.flatMap((row, i) => row.map((cell, j) => same(cell, b[i]?.[j] as Answer))));
}

/** A column or a row of numbers may be written as a tuple. */
function sameVector(rows: Rows, other: Answer): Sameness {
  const isVector = rows.length === 1 || rows.every((row) => row.length === 1);
  const cells = rows.flat();
  if (cells.length === 1) return same(cells[0] as Answer, other);
  if (!isVector || other.kind !== 'tuple' || other.open !== '(' || other.close !== ')') return false;
  if (cells.length !== other.items.length) return false;
  return all(cells.map((cell, i) => same(cell, other.items[i] as Answer)));
}

type RelationAnswer = Extract<Answer, { kind: 'relation' }>;

const MIRRORED: Readonly<Record<Relation, Relation>> = {
  '=': '=',
  '≠': '≠',
  '<': '>',
  '>': '<',
  '≤': '≥',
  '≥': '≤',
};

/** l = r is the zero set of l − r: two equations are the same where one is a constant multiple of the other. For
 * inequalities the constant's sign decides the direction. */
function sameRelation(a: RelationAnswer, b: RelationAnswer): Sameness {
  const difference = ({ left, right }: RelationAnswer): Expression => ({
    op: '-',
    left: left.expression,
    right: right.expression,
  });
  const ratio = constantRatio(difference(a), difference(b));
  if (ratio === 'undecided') return ratio;
  if (ratio === null) {
    const named = [a.name, b.name].some((name) => name === 'function' || name === 'other');
    if (!named || a.name === null || b.name === null || sameQuantity(a.right, b.right) === false)
      return false;
    // f(x) = 2x and y = 2x.
    return a.name === 'letter' || b.name === 'letter' ? sameQuantity(a.right, b.right) : 'undecided';
  }
  return a.relation === (ratio > 0 ? b.relation : MIRRORED[b.relation]);
}

/** "x = 5" against "5": the unknown's name is left out. Inequalities against intervals: x ≥ 3 is [3, ∞). */
function sameSide({ relation, left, right, name }: RelationAnswer, other: Answer): Sameness {
  if (relation === '=') {
    if (name !== null || left.expression.op === 'symbol') return same({ kind: 'quantity', ...right }, other);
    if (right.expression.op === 'symbol') return same({ kind: 'quantity', ...left }, other);
    // x + y = 7 may be what was asked for.
    return same({ kind: 'quantity', ...right }, other) === false ? false : 'undecided';
  }
  if (other.kind !== 'tuple' || relation === '≠') return false;
  const unknownFirst = left.expression.op === 'symbol';
  const bound: Answer = { kind: 'quantity', ...(unknownFirst ? right : left) };
  const direction = unknownFirst ? relation : MIRRORED[relation];
  const above = direction === '>' || direction === '≥';
  const closed = direction === '≥' || direction === '≤';
  const interval: Tuple = above
    ? { kind: 'tuple', open: closed ? '[' : '(', close: ')', items: [bound, INFINITE] }
    : { kind: 'tuple', open: '(', close: closed ? ']' : ')', items: [MINUS_INFINITE, bound] };
  return sameTuple(interval, other);
}

const quantityOf = (expression: Expression): Extract<Answer, { kind: 'quantity' }> => ({
  kind: 'quantity',
  expression,
  unit: null,
  percent: false,
  base: null,
});
const INFINITY: Expression = { op: 'constant', name: 'infinity' };
const INFINITE = quantityOf(INFINITY);
const MINUS_INFINITE = quantityOf({ op: 'negate', of: INFINITY });

const ONE = readAnswer('1') as Extract<Answer, { kind: 'quantity' }>;

function sameRatio(a: readonly Quantity[], b: readonly Quantity[]): Sameness {
  if (a.length !== b.length) return false;
  const part = (terms: readonly Quantity[], i: number): Expression => ({
    op: '/',
    left: (terms[i] as Quantity).expression,
    right: (terms[0] as Quantity).expression,
  });
  return all(a.slice(1).map((_, i) => sameValue(part(a, i + 1), part(b, i + 1))));
}
