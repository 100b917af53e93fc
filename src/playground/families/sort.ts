import { integer, type Random } from '../../random.ts';
import { words } from '../words.ts';
import type { Body } from './general.ts';

interface Spec {
  readonly numbers: readonly number[];
  readonly up: boolean;
}

const HIGHEST = 50;

/** "Sort 5 2 9 from low to high.": 3 to 5 distinct numbers. */
export const sort: Body<Spec> = {
  name: 'sort',
  sample(random) {
    const numbers: number[] = [];
    const length = integer(random, 3, 5);
    while (numbers.length < length) numbers.push(fresh(numbers, random));
    return { numbers, up: random() < 0.5 };
  },
  text({ numbers, up }) {
    const order = up ? 'from low to high.' : 'from high to low.';
    return [`Sort ${numbers.join(' ')} ${order}`, `Put ${numbers.join(' ')} in order ${order}`];
  },
  parse(text) {
    const match = /^(?:Sort|Put) ([\d ]+?)(?: in order)? from (low|high) to (?:low|high)\.$/.exec(text);
    if (match === null) return null;
    const numbers = words(match[1] as string).map(Number);
    const valid = numbers.length >= 3 && numbers.length <= 5 && numbers.every((n) => n >= 1 && n <= HIGHEST);
    if (!valid || new Set(numbers).size !== numbers.length) return null;
    return { numbers, up: match[2] === 'low' };
  },
  modify(spec, random) {
    if (random() < 0.5) return { ...spec, up: !spec.up };
    const numbers = [...spec.numbers];
    numbers[integer(random, 0, numbers.length - 1)] = fresh(spec.numbers, random);
    return { ...spec, numbers };
  },
  answer: ({ numbers, up }) => [...numbers].sort((a, b) => (up ? a - b : b - a)).map(String),
  checks: ({ numbers, up }) => [
    { kind: 'goes', direction: up ? 'up' : 'down' },
    { kind: 'in', words: numbers.map(String) },
  ],
};

function fresh(taken: readonly number[], random: Random): number {
  for (;;) {
    const number = integer(random, 1, HIGHEST);
    if (!taken.includes(number)) return number;
  }
}
