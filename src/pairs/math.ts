import type { Sampling } from '../model.ts';
import { render } from '../prompts/template.ts';
import { requestOf, siblingSeeds } from '../sampling/request.ts';
import { asks, type Task } from '../sampling/task.ts';
import type { Instruction } from '../source.ts';
import { newPairReport, noAnswer, type PairMaking, type PairReport } from './pair.ts';
import { pairSolutions } from './solutions.ts';

/** Math pairs (arXiv 2501.18099): of several sampled solutions, one whose final answer is right is chosen, one whose
 * final answer is wrong is rejected; a problem with only one kind yields nothing. `most`: pairs of the problem. */
export function* mathPairs(
  { seed: runSeed, domain, revision, prompts }: PairMaking,
  problem: Instruction,
  sampling: Sampling,
  solutions: number,
  most = 1,
): Task<PairReport> {
  const template = prompts.response;
  const text = render(template, { instruction: problem.text });
  const requests = siblingSeeds(solutions, runSeed, 'solution', problem.text).map((seed) =>
    requestOf({ template, text, model: revision, seed, sampling }),
  );
  const answers = yield asks(requests);
  const sampled = requests.map((request) => {
    const found = answers.get(request.key)?.generation;
    return found && noAnswer(found) === null ? prompts.parseResponse(found.text) : null;
  });
  const report = newPairReport();
  pairSolutions(problem, sampled, { domain, most, seed: runSeed, unanswered: 'neither' }, report);
  return report;
}
