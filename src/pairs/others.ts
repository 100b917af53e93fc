import { integer, random, seedOf } from '../random.ts';
import type { Instruction } from '../source.ts';
import { nearest } from '../text/nearest.ts';

/** Where the rejected response of a general pair comes from: the answer to a modification of its instruction (arXiv 2501.18099), to
 * the instruction of the same set that is most like it, or to any other one. */
export type Rejected = 'modified' | 'nearest' | 'other';

/** From the easiest to tell apart to the hardest. */
const EASY_FIRST: readonly Rejected[] = ['other', 'nearest', 'modified'];

/** Names the other instruction of each whose rejected response is the answer to one. Shares are of the set, the easy ones first;
 * they need not add up to 1. */
export function withOthers(
  instructions: readonly Instruction[],
  shares: Readonly<Partial<Record<Rejected, number>>>,
  seed: number,
): Instruction[] {
  const sum = EASY_FIRST.reduce((total, kind) => total + (shares[kind] ?? 0), 0);
  const near = shares.nearest ? nearest(instructions.map(({ text }) => text)) : [];
  const ends: { readonly kind: Rejected; readonly end: number }[] = [];
  let until = 0;
  for (const kind of EASY_FIRST) {
    until += shares[kind] ?? 0;
    ends.push({ kind, end: Math.round((until / sum) * instructions.length) });
  }
  return instructions.map((instruction, i) => {
    const kind = ends.find(({ end }) => i < end)?.kind ?? 'modified';
    if (kind === 'modified' || instructions.length < 2) return instruction;
    const draw = random(seedOf(seed, 'other', instruction.text));
    const any = (i + integer(draw, 1, instructions.length - 1)) % instructions.length;
    const like = kind === 'nearest' ? (near[i] ?? -1) : -1;
    const { text, response } = instructions[like < 0 ? any : like] as Instruction;
    return { ...instruction, other: { text, ...(response === undefined ? {} : { response }) } };
  });
}
