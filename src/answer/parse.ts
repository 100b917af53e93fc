import Fraction from 'fraction.js';
import { type Expression, FUNCTIONS, type FunctionName } from './expression.ts';
import type { Token } from './tokens.ts';
import { spend } from './work.ts';

/** Thrown where a text is no expression; the caller then compares it as text. One for all: to note where it was thrown would
 * take longer than to parse. */
export const NOT_AN_EXPRESSION = new Error('not an expression');

/** An expression with what stands behind it: a unit, a percent sign, the base of a numeral. */
export interface Quantity {
  readonly expression: Expression;
  readonly unit: string | null;
  readonly percent: boolean;
  /** 3032_5: the digits are of this base. */
  readonly base: number | null;
}

const MAX_DEPTH = 100;
const GREEK =
  /^(?:alpha|beta|gamma|delta|epsilon|varepsilon|zeta|eta|theta|iota|kappa|lambda|mu|nu|xi|rho|sigma|tau|phi|varphi|chi|psi|omega|Gamma|Delta|Theta|Lambda|Sigma|Phi|Psi|Omega|ell)$/;
const number = (value: string | number): Expression => ({ op: 'number', value: new Fraction(value) });
const isFunction = (name: string): name is FunctionName => (FUNCTIONS as readonly string[]).includes(name);
const ALIASES: Readonly<Record<string, FunctionName>> = { asin: 'arcsin', acos: 'arccos', atan: 'arctan' };
/** Words of up to this many letters are products of variables; longer ones are units. */
const MAX_PRODUCT = 2;
const SHORT_UNITS = new Set(['cm', 'mm', 'km', 'kg', 'ml', 'ft', 'mi', 'yd', 'lb', 'oz', 'hr', 'am', 'pm']);

/** `sign` is what ± stands for. Throws NOT_AN_EXPRESSION. */
export function parseQuantity(tokens: readonly Token[], sign: 1 | -1): Quantity {
  spend(10 + 4 * tokens.length);
  const parser = new Parser(tokens, sign);
  const expression = parser.sum(0);
  const based = parser.base();
  const percent = parser.take('\\%');
  const unit = parser.unit();
  if (!parser.ended) throw NOT_AN_EXPRESSION;
  if (expression.op === 'degrees') return { expression: expression.of, unit: '°', percent, base: based };
  return { expression, unit, percent, base: based };
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #sign: 1 | -1;
  #at = 0;

  constructor(tokens: readonly Token[], sign: 1 | -1) {
    this.#tokens = tokens;
    this.#sign = sign;
  }

  get ended(): boolean {
    return this.#at >= this.#tokens.length;
  }

  #peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#at + ahead];
  }

  #is(text: string, kind: Token['kind'] = 'symbol'): boolean {
    const token = this.#peek();
    return token?.kind === kind && token.text === text;
  }

  take(text: string, kind: Token['kind'] = 'symbol'): boolean {
    if (!this.#is(text, kind)) return false;
    this.#at++;
    return true;
  }

  #expect(text: string): void {
    if (!this.take(text)) throw NOT_AN_EXPRESSION;
  }

  sum(depth: number): Expression {
    if (depth > MAX_DEPTH) throw NOT_AN_EXPRESSION;
    let left = this.#signed(depth, true);
    for (;;) {
      const sign = this.#takeSign();
      if (sign === null) return left;
      left = { op: sign > 0 ? '+' : '-', left, right: this.#product(depth) };
    }
  }

  #takeSign(): 1 | -1 | null {
    if (this.take('+')) return 1;
    if (this.take('-')) return -1;
    if (this.take('pm', 'command')) return this.#sign;
    if (this.take('mp', 'command')) return -this.#sign as 1 | -1;
    return null;
  }

  #signed(depth: number, product: boolean): Expression {
    const sign = this.#takeSign();
    if (sign !== null && depth > MAX_DEPTH) throw NOT_AN_EXPRESSION;
    const of =
      sign === null
        ? product
          ? this.#product(depth)
          : this.#power(depth)
        : this.#signed(depth + 1, product);
    return sign === -1 ? { op: 'negate', of } : of;
  }

  /** `argument`: of a function without parentheses, which ends before the next function: sin x cos x, sin x · cos x. */
  #product(depth: number, argument = false): Expression {
    let left = this.#power(depth);
    for (;;) {
      if (argument && (this.#startsFunction(0) || (this.#isTimes() && this.#startsFunction(1)))) return left;
      if (this.take('*') || this.take('cdot', 'command') || this.take('times', 'command'))
        left = { op: '*', left, right: this.#signed(depth + 1, false) };
      else if (this.take('/') || this.take('div', 'command'))
        left = { op: '/', left, right: this.#signed(depth + 1, false) };
      else if (this.#startsFactor()) left = { op: '*', left, right: this.#power(depth) };
      else return left;
    }
  }

  #isTimes(): boolean {
    return this.#is('*') || this.#is('cdot', 'command') || this.#is('times', 'command');
  }

  #startsFunction(ahead: number): boolean {
    const token = this.#peek(ahead);
    if (token?.kind !== 'command' && token?.kind !== 'word') return false;
    const name = token.text.toLowerCase();
    return isFunction(name) || name in ALIASES;
  }

  /** Whether a factor follows without a sign of multiplication: 2x, 3√2, (a)(b), but not 2 3. */
  #startsFactor(): boolean {
    const token = this.#peek();
    if (!token) return false;
    if (token.kind === 'symbol') return token.text === '(' || token.text === '{' || token.text === '[';
    if (token.kind === 'word') return !this.#isUnit(token);
    return (
      token.kind === 'command' &&
      (/^(?:frac|sqrt|pi|infty|lfloor|lceil|binom)$/.test(token.text) ||
        isFunction(token.text) ||
        GREEK.test(token.text))
    );
  }

  #isUnit({ text }: Token): boolean {
    const name = text.toLowerCase();
    if (isFunction(name) || name in ALIASES || name === 'sqrt' || name === 'pi') return false;
    return text.length > MAX_PRODUCT || SHORT_UNITS.has(name);
  }

  #power(depth: number): Expression {
    let left = this.#atom(depth);
    for (;;) {
      if (this.take('!')) left = { op: 'factorial', of: left };
      else if (this.#is('^')) {
        this.#at++;
        if (this.take('circ', 'command')) left = { op: 'degrees', of: left };
        else if (this.take('{')) {
          if (this.take('circ', 'command')) left = { op: 'degrees', of: left };
          else left = { op: '^', left, right: this.sum(depth + 1) };
          this.#expect('}');
        } else left = { op: '^', left, right: this.#exponent(depth) };
      } else if (this.#is('*') && this.#peek(1)?.text === '*' && !this.#peek(1)?.spaced) {
        this.#at += 2;
        left = { op: '^', left, right: this.#signed(depth + 1, false) };
      } else return left;
    }
  }

  /** Without braces LaTeX takes one digit (x^12 is x¹2), people mean the whole number: so do we. Powers of powers associate
   * to the right. */
  #exponent(depth: number): Expression {
    if (depth > MAX_DEPTH) throw NOT_AN_EXPRESSION;
    const sign = this.#takeSign();
    const of = this.#atom(depth + 1);
    const exponent: Expression = this.take('^')
      ? { op: '^', left: of, right: this.#exponent(depth + 1) }
      : of;
    return sign === -1 ? { op: 'negate', of: exponent } : exponent;
  }

  #atom(depth: number): Expression {
    if (depth > MAX_DEPTH) throw NOT_AN_EXPRESSION;
    const token = this.#peek();
    if (!token) throw NOT_AN_EXPRESSION;
    this.#at++;
    if (token.kind === 'number') return this.#number(token.text);
    if (token.kind === 'word') return this.#word(token.text, depth);
    if (token.kind === 'command') return this.#command(token.text, depth);
    if (token.kind === 'symbol') {
      const closing = token.text === '(' ? ')' : token.text === '[' ? ']' : token.text === '{' ? '}' : null;
      if (closing !== null) {
        const inner = this.sum(depth + 1);
        this.#expect(closing);
        return inner;
      }
      if (token.text === '|') {
        const inner = this.sum(depth + 1);
        this.#expect('|');
        return { op: 'call', name: 'abs', of: inner };
      }
    }
    throw NOT_AN_EXPRESSION;
  }

  /** A number, and what makes it a mixed one (1 9/10, 1\frac{9}{10}) or a power of ten (1.2e5). */
  #number(text: string): Expression {
    const whole = number(text);
    if (!/^\d+$/.test(text)) return whole;
    const fraction = this.#plainFraction();
    return fraction === null ? whole : { op: '+', left: whole, right: fraction };
  }

  #plainFraction(): Expression | null {
    const start = this.#at;
    const [first, slash, last] = [this.#peek(), this.#peek(1), this.#peek(2)];
    const integer = (token?: Token) => token?.kind === 'number' && /^\d+$/.test(token.text);
    if (first?.spaced && integer(first) && slash?.text === '/' && integer(last)) {
      this.#at += 3;
      return this.#quotient(first?.text as string, last?.text as string);
    }
    if (!this.take('frac', 'command')) return null;
    const digits = (): string | null => {
      const token = this.#peek();
      if (token?.kind === 'number' && integer(token)) {
        this.#at++;
        return token.text;
      }
      if (!this.take('{')) return null;
      const inner = this.#peek();
      if (!integer(inner)) return null;
      this.#at++;
      return this.take('}') ? (inner as Token).text : null;
    };
    const numerator = digits();
    const denominator = numerator === null ? null : numerator.length === 2 && !this.#is('{') ? '' : digits();
    if (numerator !== null && denominator) return this.#quotient(numerator, denominator);
    // \frac34 is one token of two digits.
    if (numerator?.length === 2 && denominator === '')
      return this.#quotient(numerator[0] as string, numerator[1] as string);
    this.#at = start;
    return null;
  }

  #quotient(numerator: string, denominator: string): Expression {
    return { op: '/', left: number(numerator), right: number(denominator) };
  }

  #word(text: string, depth: number): Expression {
    const lower = text.toLowerCase();
    if (lower === 'pi') return { op: 'constant', name: 'pi' };
    if (lower === 'sqrt') return { op: 'root', index: number(2), of: this.#atom(depth + 1) };
    if (isFunction(lower)) return this.#call(lower, depth);
    if (lower in ALIASES) return this.#call(ALIASES[lower] as FunctionName, depth);
    if (text.length > MAX_PRODUCT) throw NOT_AN_EXPRESSION;
    const factors = [...text].map((letter): Expression => {
      if (letter === 'i') return { op: 'constant', name: 'i' };
      if (letter === 'e') return { op: 'constant', name: 'e' };
      return { op: 'symbol', name: letter };
    });
    // Only the last letter of ab² is squared; sum() sees the rest as a product.
    return this.#chain(factors, depth);
  }

  #chain(factors: readonly Expression[], depth: number): Expression {
    const [first, ...rest] = factors as [Expression, ...Expression[]];
    if (rest.length === 0) return this.#subscript(first);
    const tail = this.#is('^') ? this.#raise(rest.at(-1) as Expression, depth) : (rest.at(-1) as Expression);
    return [...rest.slice(0, -1), tail].reduce((left, right) => ({ op: '*', left, right }), first);
  }

  #raise(left: Expression, depth: number): Expression {
    this.#expect('^');
    if (!this.take('{')) return { op: '^', left, right: this.#exponent(depth + 1) };
    const right = this.sum(depth + 1);
    this.#expect('}');
    return { op: '^', left, right };
  }

  /** x_1 and x_{12} are variables of their own. */
  #subscript(of: Expression): Expression {
    if (of.op !== 'symbol' || !this.take('_')) return of;
    const name = (token: Token | undefined) => {
      if (token?.kind !== 'number' && token?.kind !== 'word') throw NOT_AN_EXPRESSION;
      return token.text;
    };
    const bracket = this.take('{');
    const index = name(this.#tokens[this.#at++]);
    if (bracket) this.#expect('}');
    return { op: 'symbol', name: `${of.name}_${index}` };
  }

  #command(name: string, depth: number): Expression {
    if (name === 'pi') return { op: 'constant', name: 'pi' };
    if (name === 'infty') return { op: 'constant', name: 'infinity' };
    if (name === 'frac') {
      const [left, right] = this.#twoArguments(depth);
      return { op: '/', left, right };
    }
    if (name === 'sqrt') {
      let index = number(2);
      if (this.take('[')) {
        index = this.sum(depth + 1);
        this.#expect(']');
      }
      return { op: 'root', index, of: this.#argument(depth) };
    }
    if (name === 'binom') {
      const [n, k] = this.#twoArguments(depth);
      const factorial = (of: Expression): Expression => ({ op: 'factorial', of });
      const rest = factorial({ op: '-', left: n, right: k });
      return { op: '/', left: factorial(n), right: { op: '*', left: factorial(k), right: rest } };
    }
    if (name === 'lfloor' || name === 'lceil') {
      const of = this.sum(depth + 1);
      if (!this.take(name === 'lfloor' ? 'rfloor' : 'rceil', 'command')) throw NOT_AN_EXPRESSION;
      return { op: 'call', name: name === 'lfloor' ? 'floor' : 'ceil', of };
    }
    if (isFunction(name)) return this.#call(name, depth);
    if (GREEK.test(name)) return this.#subscript({ op: 'symbol', name });
    throw NOT_AN_EXPRESSION;
  }

  /** An argument in braces, or one token: \frac12, \sqrt2, \frac\pi4. A number of several digits gives its first one. */
  #argument(depth: number): Expression {
    if (this.take('{')) {
      const inner = this.sum(depth + 1);
      this.#expect('}');
      return inner;
    }
    return this.#atom(depth + 1);
  }

  #twoArguments(depth: number): [Expression, Expression] {
    const token = this.#peek();
    if (token?.kind === 'number' && /^\d{2,}$/.test(token.text)) {
      this.#at++;
      const rest = token.text.slice(1);
      if (this.#is('{')) return [number(token.text), this.#argument(depth)];
      return [number(token.text[0] as string), number(rest)];
    }
    return [this.#argument(depth), this.#argument(depth)];
  }

  /** sin x, sin(x), sin²x, sin 3x: without parentheses the argument is the product that follows. */
  #call(name: FunctionName, depth: number): Expression {
    if (name === 'log' && this.take('_')) {
      const base = this.#argument(depth);
      const log = (of: Expression): Expression => ({ op: 'call', name: 'log', of });
      return { op: '/', left: this.#call(name, depth + 1), right: log(base) };
    }
    const power = this.take('^') ? (this.#is('{') ? this.#argument(depth) : this.#exponent(depth)) : null;
    const of = this.#is('(') ? this.#atom(depth + 1) : this.#product(depth + 1, true);
    const inverse = power?.op === 'negate' && power.of.op === 'number' && power.of.value.equals(1);
    const inverted = `arc${name}`;
    if (inverse && isFunction(inverted)) return { op: 'call', name: inverted, of };
    const call: Expression = { op: 'call', name, of };
    return power === null ? call : { op: '^', left: call, right: power };
  }

  /** 3032_5, 3032_{5}. */
  base(): number | null {
    if (!this.take('_')) return null;
    const bracket = this.take('{');
    const token = this.#tokens[this.#at++];
    if (token?.kind !== 'number') throw NOT_AN_EXPRESSION;
    if (bracket) this.#expect('}');
    return Number(token.text);
  }

  /** The words behind a quantity, exponents included: "square units", "cm^2". */
  unit(): string | null {
    const words: string[] = [];
    for (let token = this.#peek(); token; token = this.#peek()) {
      const isUnit =
        token.kind === 'text' || (token.kind === 'word' && (words.length > 0 || this.#isUnit(token)));
      const joins = words.length > 0 && /^[/^{}.]$|^\d$/.test(token.text);
      if (!isUnit && !joins) break;
      words.push(token.text);
      this.#at++;
    }
    return words.length === 0 ? null : words.join(' ');
  }
}
