import { createHash } from 'node:crypto';
import { pick, type Random } from '../random.ts';
import type { PairKind } from '../types.ts';
import { FAMILIES, familiesOf } from './families.ts';
import type { Family, Problem } from './problem.ts';

/** seed: M0's pre-training; train: the loop; validation: picks checkpoints; dev: looked at while tuning; test: once. */
export type Split = 'seed' | 'train' | 'validation' | 'dev' | 'test';

const BUCKETS = 20;

/** The split an instruction belongs to, by the hash of its text, whoever wrote it. */
export function splitOf(instruction: string): Split {
  const bucket = createHash('sha256').update(instruction).digest().readUInt32LE(0) % BUCKETS;
  if (bucket < 10) return 'seed';
  if (bucket < 15) return 'train';
  if (bucket === 15) return 'validation';
  return bucket === 16 ? 'dev' : 'test';
}

export interface Where {
  readonly split: Split;
  readonly domain?: PairKind;
  readonly family?: string;
}

/** A problem of the split; families are equally likely. */
export function sampleProblem(random: Random, { split, domain, family }: Where): Problem {
  const families = domain === undefined ? FAMILIES : familiesOf(domain);
  const of = pick(
    random,
    families.filter(({ name }) => family === undefined || name === family),
  ) as Family | undefined;
  if (of === undefined) throw new RangeError(`no family ${family} in domain ${domain ?? 'general or math'}`);
  for (;;) {
    const problem = of.sample(random);
    if (splitOf(problem.instruction) === split) return problem;
  }
}

const TRIES = 40; // some instructions have a single modification, which may lie elsewhere

/** A modification of the problem that stays in the split; null where none is found. */
export function modifyWithin(problem: Problem, split: Split, random: Random): Problem | null {
  for (let i = 0; i < TRIES; i++) {
    const modified = problem.modify(random);
    if (splitOf(modified.instruction) === split) return modified;
  }
  return null;
}

/** A problem of the split and its modification, both within the split. */
export function sampleModified(
  random: Random,
  where: Where,
): readonly [original: Problem, modified: Problem] {
  for (;;) {
    const problem = sampleProblem(random, where);
    const modified = modifyWithin(problem, where.split, random);
    if (modified !== null) return [problem, modified];
  }
}
