import { random, seedOf } from '../random.ts';
import type { Domain } from '../types.ts';
import { familiesOf } from './families.ts';
import { type Split, sampleProblem } from './split.ts';

const TRIES = 2_000; // draws of one family without a new instruction before it counts as used up

/** Distinct instructions of a split, families taking turns: where the loop starts. Fewer where the split has no more. */
export function instructions(split: Split, domain: Domain, count: number, seed: number): string[] {
  const next = random(seedOf('instructions', split, domain, seed));
  const found = new Set<string>();
  let families = familiesOf(domain).map(({ name }) => name);
  for (let turn = 0; found.size < count && families.length > 0; turn++) {
    const family = families[turn % families.length] as string;
    const before = found.size;
    for (let i = 0; i < TRIES && found.size === before; i++) {
      found.add(sampleProblem(next, { split, domain, family }).instruction);
    }
    if (found.size === before) families = families.filter((name) => name !== family);
  }
  return [...found];
}
