import { random, seedOf } from '../random.ts';
import type { PairKind } from '../types.ts';
import { familiesOf } from './families.ts';
import { type Split, sampleProblem } from './split.ts';

const TRIES = 2_000; // draws of one family without a new instruction before it counts as used up

/** Distinct instructions of a split, families taking turns: where the loop starts. They end where the split has no more. */
export function* instructions(
  split: Split,
  domain: PairKind,
  seed: number,
): Generator<string, void, undefined> {
  const next = random(seedOf('instructions', split, domain, seed));
  const found = new Set<string>();
  let families = familiesOf(domain).map(({ name }) => name);
  for (let turn = 0; families.length > 0; turn++) {
    const family = families[turn % families.length] as string;
    const before = found.size;
    for (let i = 0; i < TRIES && found.size === before; i++) {
      const { instruction } = sampleProblem(next, { split, domain, family });
      if (!found.has(instruction)) yield instruction;
      found.add(instruction);
    }
    if (found.size === before) families = families.filter((name) => name !== family);
  }
}
