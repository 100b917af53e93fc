import { integer, pick } from '../../random.ts';
import { isSmall } from '../steps.ts';
import type { Body } from './general.ts';

interface Spec {
  readonly from: number;
  readonly to: number;
}

/** "Count from 28 to 33." and "Count down from 33 to 28.": 3 to 6 numbers. */
export const range: Body<Spec> = {
  name: 'range',
  sample(random) {
    const low = integer(random, 0, 94);
    const high = low + integer(random, 2, 5);
    return random() < 0.5 ? { from: low, to: high } : { from: high, to: low };
  },
  text({ from, to }) {
    const down = from > to ? ' down' : '';
    return [`Count${down} from ${from} to ${to}.`, `Write the numbers${down} from ${from} to ${to}.`];
  },
  parse(text) {
    const [, from, to] = /^(?:Count|Write the numbers)(?: down)? from (\d+) to (\d+)\.$/.exec(text) ?? [];
    const spec = { from: Number(from), to: Number(to) };
    return isValid(spec) ? spec : null;
  },
  modify(spec, random) {
    const kind = random();
    const moved = [-2, -1, 1, 2]
      .map((by) => (kind < 0.67 ? { ...spec, from: spec.from + by } : { ...spec, to: spec.to + by }))
      .filter((next) => isValid(next) && next.from < next.to === spec.from < spec.to);
    return kind < 0.34 || moved.length === 0 ? { from: spec.to, to: spec.from } : pick(random, moved);
  },
  answer({ from, to }) {
    const sign = from < to ? 1 : -1;
    return Array.from({ length: Math.abs(to - from) + 1 }, (_, i) => String(from + sign * i));
  },
  checks: ({ from, to }) => [
    { kind: 'goes', direction: from < to ? 'up' : 'down' },
    { kind: 'first', word: String(from) },
    { kind: 'last', word: String(to) },
  ],
};

function isValid({ from, to }: Spec): boolean {
  const distance = Math.abs(to - from);
  return isSmall(from) && isSmall(to) && distance >= 2 && distance <= 5;
}
