import type { PairKind } from '../types.ts';
import { chain } from './families/chain.ts';
import { generalFamily } from './families/general.ts';
import { list } from './families/list.ts';
import { mathFamily } from './families/math.ts';
import { range } from './families/range.ts';
import { repeat } from './families/repeat.ts';
import { reverse } from './families/reverse.ts';
import { select } from './families/select.ts';
import { share } from './families/share.ts';
import { shop } from './families/shop.ts';
import { sort } from './families/sort.ts';
import type { Family, Problem } from './problem.ts';

export const FAMILIES: readonly Family[] = [
  generalFamily(list),
  generalFamily(repeat),
  generalFamily(range),
  generalFamily(sort),
  generalFamily(reverse),
  generalFamily(select),
  mathFamily(chain),
  mathFamily(shop),
  mathFamily(share),
];

export function familiesOf(domain: PairKind): readonly Family[] {
  return FAMILIES.filter((family) => family.domain === domain);
}

/** The problem with exactly this instruction; null for text from outside the playground. */
export function parse(instruction: string): Problem | null {
  for (const family of FAMILIES) {
    const problem = family.parse(instruction);
    if (problem !== null) return problem;
  }
  return null;
}

/** The oracle: whether the response is right; false for instructions from outside the playground. */
export function isCorrect(instruction: string, response: string): boolean {
  return parse(instruction)?.isCorrect(response) ?? false;
}
