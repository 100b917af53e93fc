import type { Resolved } from '../config.ts';
import type { Instruction, Source } from '../source.ts';

/** The set that a round's pairs belong to: d1, d2. */
export const roundSet = (round: number) => `d${round}`;

/** The instructions of a set: sets of rounds are parts of one stream, one after the other, so that they cannot overlap; held-out
 * sets are splits of their own where the source has them, and parts that come after all rounds where it has not. */
export async function* instructionsOf(
  config: Resolved,
  source: Source,
  name: string,
  set: string,
  signal?: AbortSignal,
): AsyncGenerator<Instruction, void, undefined> {
  const held = [
    { set: 'validation', pairs: config.validation.pairs },
    { set: config.test.split, pairs: config.test.pairs },
  ];
  const cut = [
    ...config.rounds.map(({ pairs }, i) => ({ set: roundSet(i + 1), pairs })),
    ...held.filter(({ set }) => source.instructions(set) === null),
  ];
  const own = cut.some((part) => part.set === set) ? null : source.instructions(set, signal);
  const parts = own ? held.filter((part) => part.set === set) : cut;
  const stream = own ?? source.instructions('train', signal);
  if (stream === null) return;
  let from = 0;
  for (const part of parts) {
    if (part.set === set) break;
    from += part.pairs[name] ?? 0;
  }
  const to = from + (parts.find((part) => part.set === set)?.pairs[name] ?? 0);
  if (to === from) return;
  let at = 0;
  for await (const instruction of stream) {
    if (at >= from) yield instruction;
    if (++at >= to) return;
  }
}
