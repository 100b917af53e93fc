import Fraction from 'fraction.js';
import type { Expression } from './expression.ts';
import type { Quantity } from './parse.ts';
import { sameValue } from './same-value.ts';
import { any, type Sameness } from './sameness.ts';
import { spend } from './work.ts';

/** Two numbers or expressions with their units, percent signs and bases. */
export function sameQuantity(a: Quantity, b: Quantity): Sameness {
  if (a.base !== b.base) {
    // 3032_5 against 3032: whether the base was left out or another number is meant cannot be told.
    return a.base !== null && b.base !== null
      ? sameBased(a, b)
      : sameValue(a.expression, b.expression) === true
        ? 'undecided'
        : false;
  }
  const scales = [sameValue(a.expression, b.expression)];
  // A percent or degree sign that only one side writes is either left out or worked in.
  if (a.percent !== b.percent) scales.push(sameScaled(a, b, a.percent, 1 / 100));
  if ((a.unit === '°') !== (b.unit === '°')) scales.push(sameScaled(a, b, a.unit === '°', 'degrees'));
  const value = any(scales);
  const [unitA, unitB] = [unitName(a.unit), unitName(b.unit)];
  if (unitA === unitB || unitA === '' || unitB === '') return value;
  // 5 apples and 5 fruits, 1 m and 100 cm: the numbers alone do not say.
  return value === false && !(MEASURE.test(unitA) && MEASURE.test(unitB)) ? false : 'undecided';
}

function sameScaled(a: Quantity, b: Quantity, first: boolean, scale: number | 'degrees'): Sameness {
  const scaled = ({ expression }: Quantity): Expression =>
    scale === 'degrees' ? { op: 'degrees', of: expression } : { op: '/', left: expression, right: HUNDRED };
  return first ? sameValue(scaled(a), b.expression) : sameValue(a.expression, scaled(b));
}
const HUNDRED: Expression = { op: 'number', value: new Fraction(100) };

/** The same number in two bases, where both are whole. */
function sameBased(a: Quantity, b: Quantity): Sameness {
  const value = ({ expression, base }: Quantity) => {
    if (base === null || base < 2 || base > 36) return null;
    const digits = expression.op === 'number' ? expression.value.toString() : '';
    const number = Number.parseInt(digits, base);
    return /^\d+$/.test(digits) && number.toString(base) === digits ? number : null;
  };
  const [left, right] = [value(a), value(b)];
  return left === null || right === null ? 'undecided' : left === right;
}

/** Units that convert into others. */
const MEASURE =
  /^(?:[mck]?m|meter|metre|(?:centi|milli|kilo)met(?:er|re)|inch|inche|in|foot|feet|ft|yard|yd|mile|mi|[mk]?g|gram|kilogram|pound|lb|ounce|oz|second|minute|hour|day|week|month|year|liter|litre|ml|cup|gallon|cent|dollar|mph)\b/;

function unitName(unit: string | null): string {
  if (unit === null) return '';
  spend(20 + unit.length);
  return unit
    .toLowerCase()
    .replace(/[^\p{L}\p{N}°/]+/gu, ' ')
    .replace(/\b(?:units?|squared?|sq|cubed?|cubic|in all|total|only|dollars?|usd)\b/g, ' ')
    .replace(/\d/g, '')
    .replace(/\bdegrees?\b/, '°')
    .trim()
    .replace(/s\b/g, '')
    .replace(/\s+/g, ' ');
}
