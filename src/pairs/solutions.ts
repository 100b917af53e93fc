import { finalAnswer } from '../answer/final.ts';
import { sameAnswer } from '../answer/same.ts';
import { pick, random, seedOf, shuffle } from '../random.ts';
import type { Instruction } from '../source.ts';
import { countDrop, type PairReport, responsePair } from './pair.ts';

export interface SolutionOptions {
  /** What the pairs are of. */
  readonly domain: string;
  /** Most pairs of one problem. */
  readonly most: number;
  readonly seed: number;
  /** What a solution without a final answer is: of a sampled one nobody knows; a data set's own is `wrong`, as GSM8K labels it. */
  readonly unanswered: 'neither' | 'wrong';
}

/** right × wrong solutions of one problem, drawn with the seed; a problem with only one kind gives none. A solution that is
 * missing (null) or whose final answer cannot be decided is neither. */
export function pairSolutions(
  problem: Instruction,
  solutions: readonly (string | null)[],
  { domain, most, seed, unanswered }: SolutionOptions,
  report: PairReport,
): void {
  const right: [number, string][] = [];
  const wrong: [number, string][] = [];
  for (const [index, solution] of solutions.entries()) {
    if (solution === null) continue;
    const answer = finalAnswer(solution);
    if (answer === null && unanswered === 'neither') continue;
    const correct = answer !== null && sameAnswer(answer, problem.answer ?? null);
    if (correct !== 'undecided') (correct ? right : wrong).push([index, solution]);
  }
  if (right.length === 0) countDrop(report, 'no right solution');
  else if (wrong.length === 0) countDrop(report, 'no wrong solution');
  else {
    const next = random(seedOf(seed, 'math pair', problem.text));
    const drawn =
      most === 1
        ? [[pick(next, right), pick(next, wrong)] as const]
        : shuffle(
            next,
            right.flatMap((chosen) => wrong.map((rejected) => [chosen, rejected] as const)),
          ).slice(0, most);
    for (const [[chosenIndex, chosen], [rejectedIndex, rejected]] of drawn) {
      const counts = { right: right.length, wrong: wrong.length };
      const provenance = { chosen: chosenIndex, rejected: rejectedIndex, ...counts };
      report.pairs.push(responsePair(domain, problem, chosen, rejected, provenance));
    }
  }
}
