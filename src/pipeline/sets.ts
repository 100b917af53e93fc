import type { Resolved } from '../config.ts';
import type { Instruction, Source } from '../source.ts';

/** The set that a round's pairs belong to: d1, d2. */
export const roundSet = (round: number) => `d${round}`;

/** Whether a set is judged on, and never trained on. */
export const isHeldOut = (set: string, { test }: Pick<Resolved, 'test'>) =>
  set === 'validation' || set === test.split;

/** The instructions from `from` on, up to `to`, of a source's split, which belong to a set. */
export interface Part {
  readonly set: string;
  readonly split: string;
  readonly from: number;
  readonly to: number;
}

/** Which instructions of a source each set has: sets of rounds are parts of one stream, one after the other, so that they cannot
 * overlap; held-out sets are splits of their own where the source has them, and parts that come after all rounds where it has not.
 * What is `known` stays as it is: what a set or a new round has more comes after all of it. */
export function partsOf(config: Resolved, source: Source, name: string, known: readonly Part[] = []): Part[] {
  const { rounds, validation, test } = config;
  const held = [
    { set: 'validation', pairs: validation.pairs },
    { set: test.split, pairs: test.pairs },
  ];
  const wanted = [...rounds.map(({ pairs }, i) => ({ set: roundSet(i + 1), pairs })), ...held];
  const parts = [...known];
  for (const { set, pairs } of wanted) {
    const own = held.some((one) => one.set === set) && source.instructions(set) !== null;
    const split = own ? set : 'train';
    const had = parts.reduce((sum, part) => (part.set === set ? sum + part.to - part.from : sum), 0);
    const from = Math.max(0, ...parts.filter((part) => part.split === split).map(({ to }) => to));
    const more = (pairs[name] ?? 0) - had;
    if (more > 0) parts.push({ set, split, from, to: from + more });
  }
  return parts;
}

/** The instructions of a set, in the order of the source. */
export async function* instructionsOf(
  source: Source,
  set: string,
  parts: readonly Part[],
  signal?: AbortSignal,
): AsyncGenerator<Instruction, void, undefined> {
  const own = parts.filter((part) => part.set === set);
  const [first] = own;
  const stream = first && source.instructions(first.split, signal);
  if (!stream) return;
  const end = Math.max(...own.map(({ to }) => to));
  let at = 0;
  for await (const instruction of stream) {
    if (own.some(({ from, to }) => at >= from && at < to)) yield instruction;
    if (++at >= end) return;
  }
}
