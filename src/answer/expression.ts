import { Complex } from 'complex.js';
import Fraction from 'fraction.js';
import { spend } from './work.ts';

/** An algebraic expression. `symbol` is a variable; the angle of `degrees` is in degrees. */
export type Expression =
  | { readonly op: 'number'; readonly value: Fraction }
  | { readonly op: 'constant'; readonly name: 'pi' | 'e' | 'i' | 'infinity' }
  | { readonly op: 'symbol'; readonly name: string }
  | { readonly op: '+' | '-' | '*' | '/' | '^'; readonly left: Expression; readonly right: Expression }
  | { readonly op: 'negate' | 'factorial' | 'degrees'; readonly of: Expression }
  | { readonly op: 'root'; readonly index: Expression; readonly of: Expression }
  | { readonly op: 'call'; readonly name: FunctionName; readonly of: Expression };

export const FUNCTIONS = [
  'sin',
  'cos',
  'tan',
  'cot',
  'sec',
  'csc',
  'arcsin',
  'arccos',
  'arctan',
  'sinh',
  'cosh',
  'tanh',
  'ln',
  'log',
  'exp',
  'abs',
  'floor',
  'ceil',
] as const;
export type FunctionName = (typeof FUNCTIONS)[number];

/** Exact arithmetic stops at numbers of this many bits, so that 9^9^9 never begins; fractions stop earlier, since every sum
 * of them is reduced. */
const MAX_BITS = 16_384;
const MAX_FRACTION_BITS = 1024;

const bits = (value: bigint) => 4 * value.toString(16).length;

/** Steps that computing with a number takes: fractions are reduced, bit by bit. */
export function sizeOf({ n, d }: Fraction): number {
  return d === 1n ? 2 + bits(n) / 32 : 2 + 2 * (bits(n) + bits(d));
}

/** A result that is small enough to go on with. */
function kept(value: Fraction | null): Fraction | null {
  if (value === null) return null;
  spend(sizeOf(value));
  if (value.d === 1n) return bits(value.n) <= MAX_BITS ? value : null;
  return bits(value.n) + bits(value.d) <= MAX_FRACTION_BITS ? value : null;
}

const exactValues = new WeakMap<Expression, Fraction | null>();

/** The value as a fraction, or null where it is no rational number, has symbols, or is too large. */
export function exactValue(expression: Expression): Fraction | null {
  spend(1);
  let value = exactValues.get(expression);
  if (value === undefined) {
    value = exactly(expression);
    exactValues.set(expression, value);
  }
  return value;
}

function exactly(expression: Expression): Fraction | null {
  switch (expression.op) {
    case 'number':
      return kept(expression.value);
    case 'negate':
      return exactValue(expression.of)?.neg() ?? null;
    case 'factorial':
      return factorial(exactValue(expression.of));
    case '+':
    case '-':
    case '*':
    case '/':
    case '^': {
      const left = exactValue(expression.left);
      const right = left && exactValue(expression.right);
      if (!left || !right) return null;
      if (expression.op === '+') return kept(left.add(right));
      if (expression.op === '-') return kept(left.sub(right));
      if (expression.op === '*') return kept(left.mul(right));
      if (expression.op === '/') return right.n === 0n ? null : kept(left.div(right));
      if (right.d !== 1n || (left.n === 0n && right.s <= 0n)) return null;
      const grown = Math.max(bits(left.n), bits(left.d)) * Number(right.n);
      return grown > MAX_BITS ? null : kept(left.pow(right) ?? null);
    }
    default:
      return null;
  }
}

function factorial(value: Fraction | null): Fraction | null {
  if (value === null || value.d !== 1n || value.s < 0n || value.n > 300n) return null;
  spend(Number(value.n));
  let product = 1n;
  for (let i = 2n; i <= value.n; i++) product *= i;
  return new Fraction(product);
}

/** The value as a complex number, symbols at the given point; principal branches, but odd roots of negative numbers are
 * real, and so are their powers of such a denominator. Null where it, or anything on the way to it, is not finite, or is no
 * longer told from 0. */
export function numericValue(expression: Expression, at: (symbol: string) => number): Complex | null {
  try {
    return compute(expression, at);
  } catch (error) {
    if (error === NOT_FINITE) {
      spend(10);
      return null;
    }
    throw error;
  }
}

/** Thrown; one for all, as NOT_AN_EXPRESSION is. */
const NOT_FINITE = new Error('not finite');

function compute(expression: Expression, at: (symbol: string) => number): Complex {
  spend(3);
  const value = apply(expression, at);
  if (!Number.isFinite(value.re) || !Number.isFinite(value.im)) throw NOT_FINITE;
  return value;
}

function apply(expression: Expression, at: (symbol: string) => number): Complex {
  const value = (e: Expression) => compute(e, at);
  switch (expression.op) {
    case 'number':
      return new Complex(expression.value.valueOf(), 0);
    case 'constant':
      return CONSTANT[expression.name];
    case 'symbol':
      return new Complex(at(expression.name), 0);
    case 'negate':
      return value(expression.of).neg();
    case 'degrees':
      return value(expression.of).mul(Math.PI / 180);
    case 'factorial': {
      const n = factorial(exactValue(expression.of));
      return new Complex(n === null ? Number.NaN : n.valueOf(), 0);
    }
    case '+':
      return value(expression.left).add(value(expression.right));
    case '-':
      return value(expression.left).sub(value(expression.right));
    case '*': {
      const [left, right] = [value(expression.left), value(expression.right)];
      return nonzero(left.mul(right), !left.isZero() && !right.isZero());
    }
    case '/': {
      const [left, right] = [value(expression.left), value(expression.right)];
      return right.isZero() ? new Complex(Number.NaN, 0) : nonzero(left.div(right), !left.isZero());
    }
    case '^': {
      const left = value(expression.left);
      return nonzero(power(left, expression.right, value), !left.isZero());
    }
    case 'root':
      return root(value(expression.of), value(expression.index));
    case 'call':
      return call(expression.name, value(expression.of));
  }
}

/** A value that cannot be 0 but has become so is too small to compute: 10^{-400}. */
function nonzero(value: Complex, expected: boolean): Complex {
  if (expected && value.isZero()) throw NOT_FINITE;
  return value;
}

/** x^{2/3} of a negative x is real, as ∛x² is. */
function power(left: Complex, right: Expression, value: (of: Expression) => Complex): Complex {
  const exponent = left.im === 0 && left.re < 0 ? exactValue(right) : null;
  if (exponent === null || exponent.d === 1n || exponent.d % 2n === 0n) return left.pow(value(right));
  const size = (-left.re) ** exponent.valueOf();
  return new Complex(exponent.n % 2n === 0n ? size : -size, 0);
}

const CONSTANT = {
  pi: new Complex(Math.PI, 0),
  e: new Complex(Math.E, 0),
  i: new Complex(0, 1),
  infinity: new Complex(Number.POSITIVE_INFINITY, 0),
};

function root(of: Complex, index: Complex): Complex {
  const odd = index.im === 0 && Number.isInteger(index.re) && index.re % 2 !== 0;
  if (odd && of.im === 0 && of.re < 0) return new Complex(-((-of.re) ** (1 / index.re)), 0);
  return index.re === 2 && index.im === 0 ? of.sqrt() : of.pow(new Complex(1, 0).div(index));
}

function call(name: FunctionName, x: Complex): Complex {
  switch (name) {
    case 'arcsin':
      return x.asin();
    case 'arccos':
      return x.acos();
    case 'arctan':
      return x.atan();
    case 'ln':
      return x.log();
    case 'log':
      return x.log().div(Math.LN10);
    case 'abs':
      return new Complex(x.abs(), 0);
    case 'floor':
      return x.floor(0);
    case 'ceil':
      return x.ceil(0);
    default:
      return x[name]();
  }
}

/** The names of its variables. */
export function symbolsOf(expression: Expression, into: Set<string> = new Set()): Set<string> {
  spend(1);
  if (expression.op === 'symbol') into.add(expression.name);
  for (const part of partsOf(expression)) symbolsOf(part, into);
  return into;
}

function partsOf(expression: Expression): Expression[] {
  if ('left' in expression) return [expression.left, expression.right];
  if (expression.op === 'root') return [expression.index, expression.of];
  return 'of' in expression ? [expression.of] : [];
}
