import type { Work } from '../generate.ts';
import type { Model } from '../model.ts';
import type { PromptSet } from '../prompts/set.ts';
import { render } from '../prompts/template.ts';
import { seedOf } from '../random.ts';
import { key } from '../store.ts';
import type { Instruction, PairReport, Sampling } from './pair.ts';
import { pairSolutions } from './solutions.ts';
import { makePairs, noAnswer, type PairMaking, type PairUnit } from './unit.ts';

/** Math pairs (arXiv 2501.18099): of several sampled solutions, one whose final answer is right is chosen, one whose
 * final answer is wrong is rejected; a problem with only one kind yields nothing. */
export function mathPairs(
  work: Work,
  model: Model,
  prompts: PromptSet,
  problems: readonly Instruction[],
  sampling: Sampling,
  solutions: number,
): Promise<PairReport> {
  const making = { seed: work.seed, revision: model.revision, prompts };
  return makePairs(
    work,
    model,
    problems.map((problem) => mathUnit(making, problem, sampling, solutions)),
  );
}

/** `most`: pairs of the problem. */
export function mathUnit(
  { seed: runSeed, revision, prompts }: PairMaking,
  problem: Instruction,
  sampling: Sampling,
  solutions: number,
  most = 1,
): PairUnit {
  const template = prompts.response;
  const requests = Array.from({ length: solutions }, (_, index) => {
    const seed = seedOf(runSeed, 'solution', problem.text, index);
    const parts = { prompt: template.name, version: template.version, model: revision, ...sampling };
    return {
      key: key({ ...parts, seed, instruction: problem.text, solution: index }),
      prompt: render(template, { instruction: problem.text }),
      seed,
      ...sampling,
    };
  });
  return {
    requests,
    pairs(generation) {
      const report: PairReport = { pairs: [], dropped: {} };
      const sampled = requests.map((request) => {
        const found = generation(request.key);
        return found && noAnswer(found) === null ? prompts.parseResponse(found.text) : null;
      });
      pairSolutions(problem, sampled, { most, seed: runSeed, unanswered: 'neither' }, report);
      return report;
    },
  };
}
