import { random, seedOf } from '../random.ts';
import { type Expression, exactValue, numericValue, sizeOf, symbolsOf } from './expression.ts';
import type { Sameness } from './sameness.ts';
import { spend } from './work.ts';

/** Relative differences below the first are rounding, above the second real. */
const EQUAL = 1e-11;
const DIFFERENT = 1e-8;
const TRIALS = 5;

/** Equality of two expressions: exactly for rational numbers, else at random points. */
export function sameValue(a: Expression, b: Expression): Sameness {
  const infinite = [infinitySign(a), infinitySign(b)];
  if (infinite[0] !== 0 || infinite[1] !== 0) return infinite[0] === infinite[1];
  if (spelled(a) === spelled(b)) return true;
  const [exactA, exactB] = [exactValue(a), exactValue(b)];
  if (exactA && exactB)
    return (
      exactA.equals(exactB) ||
      (isRounded(a, exactB.valueOf()) || isRounded(b, exactA.valueOf()) ? 'undecided' : false)
    );

  let doubtful = false;
  for (const point of points(a, b)) {
    const [left, right] = [numericValue(a, point), numericValue(b, point)];
    if (!left || !right) {
      doubtful = true;
      continue;
    }
    const size = Math.max(left.abs(), right.abs());
    const difference = size === 0 ? 0 : left.sub(right).abs() / size;
    if (difference > DIFFERENT) return isRounded(a, right.re) || isRounded(b, left.re) ? 'undecided' : false;
    if (difference > EQUAL) doubtful = true;
  }
  return doubtful ? 'undecided' : true;
}

/** Fewer digits than these are another answer (0.333 for 1/3); graders differ about more. */
const ROUNDED_DIGITS = 6;

/** Whether an expression is a decimal fraction that a value may have been rounded to. */
function isRounded(expression: Expression, value: number): boolean {
  if (expression.op === 'negate') return isRounded(expression.of, -value);
  if (expression.op !== 'number' || expression.value.d === 1n) return false;
  spend(sizeOf(expression.value));
  const [whole = '', fraction = ''] = expression.value.toString().split('.');
  if (!/^\d+$/.test(fraction)) return false;
  const digits = (whole + fraction).replace(/^0+/, '').length;
  const off = Math.abs(expression.value.valueOf() - value);
  return digits >= ROUNDED_DIGITS && off <= 0.5 * 10 ** -fraction.length + 1e-15 * Math.abs(value);
}

/** Longer than that of any answer without binomials in binomials. */
const MAX_SPELLING = 50_000;

const spellings = new WeakMap<Expression, string>();

/** An expression's own spelling: the same one is the same value, however large. */
function spelled(expression: Expression): string {
  let text = spellings.get(expression);
  if (text === undefined) {
    text = spell(expression);
    // Parts that stand in several places, as those of binomials do, can make it grow without end.
    spend(text.length > MAX_SPELLING ? Number.POSITIVE_INFINITY : 1);
    spellings.set(expression, text);
  }
  return text;
}

function spell(expression: Expression): string {
  switch (expression.op) {
    case 'number':
      return `${expression.value.s}*${expression.value.n}/${expression.value.d}`;
    case 'constant':
      return expression.name;
    case 'symbol':
      return `$${expression.name}`;
    case 'root':
      return `root(${spelled(expression.index)},${spelled(expression.of)})`;
    case 'call':
      return `${expression.name}(${spelled(expression.of)})`;
    case 'negate':
    case 'factorial':
    case 'degrees':
      return `${expression.op}(${spelled(expression.of)})`;
    default:
      return `(${spelled(expression.left)}${expression.op}${spelled(expression.right)})`;
  }
}

/** ∞ and −∞ as written, not as the overflow of a computation. */
function infinitySign(expression: Expression): -1 | 0 | 1 {
  if (expression.op === 'negate') return -infinitySign(expression.of) as -1 | 0 | 1;
  return expression.op === 'constant' && expression.name === 'infinity' ? 1 : 0;
}

/** Points for the variables of both, in turn beyond and within ±1, so that no power vanishes at all of them; one point
 * where there are no variables. */
function* points(a: Expression, b: Expression): Generator<(symbol: string) => number> {
  const count = symbolsOf(b, symbolsOf(a)).size === 0 ? 1 : TRIALS;
  for (let trial = 0; trial < count; trial++) {
    const values = new Map<string, number>();
    yield (symbol) => {
      let value = values.get(symbol);
      if (value === undefined) {
        spend(30);
        const next = random(seedOf(trial, 'answer', symbol));
        const size = trial % 2 === 0 ? 1.1 + 1.5 * next() : 0.3 + 0.6 * next();
        value = next() < 0.5 ? -size : size;
        values.set(symbol, value);
      }
      return value;
    };
  }
}

/** c where a = c · b at every point; null where there is none. */
export function constantRatio(a: Expression, b: Expression): number | null | 'undecided' {
  const ratios: number[] = [];
  for (const point of points(a, b)) {
    const [left, right] = [numericValue(a, point), numericValue(b, point)];
    if (!left || !right || right.isZero()) continue;
    const ratio = left.div(right);
    if (Math.abs(ratio.im) > DIFFERENT * Math.abs(ratio.re)) return null;
    ratios.push(ratio.re);
  }
  if (ratios.length < 2) return 'undecided';
  const [first] = ratios as [number];
  if (first === 0) return null;
  return ratios.every((ratio) => Math.abs(ratio - first) < DIFFERENT * Math.abs(first)) ? first : null;
}
