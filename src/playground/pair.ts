import { pick, type Random } from '../random.ts';
import type { PairKind } from '../types.ts';
import type { Problem } from './problem.ts';
import { modifyWithin, type Split, sampleModified, sampleProblem } from './split.ts';

/** A response pair labelled by the oracle. */
export interface OraclePair {
  readonly problem: Problem;
  readonly chosen: string;
  readonly rejected: string;
}

/** chosen: a right answer; rejected: a right answer to a modified instruction of the same split (general), or a wrong
 * solution (math). */
export function oraclePair(
  random: Random,
  split: Split,
  domain: PairKind = sampleDomain(random),
): OraclePair {
  if (domain === 'general') {
    const [problem, modified] = sampleModified(random, { split, domain });
    return { problem, chosen: problem.answer(random), rejected: modified.answer(random) };
  }
  const problem = sampleProblem(random, { split, domain });
  return { problem, chosen: problem.answer(random), rejected: wrongSolution(problem, random) };
}

function wrongSolution(problem: Problem, random: Random): string {
  for (;;) {
    const attempt = problem.attempt(random);
    if (!problem.isCorrect(attempt)) return attempt;
  }
}

/** Another wrong response to the pair's instruction; the same one where there is no other. */
export function anotherRejected({ problem, rejected }: OraclePair, split: Split, random: Random): string {
  if (problem.domain === 'math') return wrongSolution(problem, random);
  return modifyWithin(problem, split, random)?.answer(random) ?? rejected;
}

const DOMAINS: readonly PairKind[] = ['general', 'general', 'general', 'math', 'math'];

/** A domain as M0 meets it: three of five general. */
export function sampleDomain(random: Random): PairKind {
  return pick(random, DOMAINS);
}
