import { generate, type Work } from '../generate.ts';
import type { Model } from '../model.ts';
import type { PromptSet } from '../prompts/set.ts';
import { render } from '../prompts/template.ts';
import { seedOf } from '../random.ts';
import { key } from '../store.ts';
import type { Instruction, PairReport, Sampling } from './pair.ts';
import { pairSolutions } from './solutions.ts';

/** Math pairs (method.md section 1): of several sampled solutions, one whose final answer is right is chosen, one whose
 * final answer is wrong is rejected; a problem with only one kind yields nothing. */
export async function mathPairs(
  work: Work,
  model: Model,
  prompts: PromptSet,
  problems: readonly Instruction[],
  sampling: Sampling,
  solutions: number,
  perProblem = 1,
): Promise<PairReport> {
  const template = prompts.response;
  const units = problems.map((problem) => ({
    problem,
    requests: Array.from({ length: solutions }, (_, index) => {
      const seed = seedOf(work.seed, 'solution', problem.text, index);
      const parts = { prompt: template.name, version: template.version, model: model.revision, ...sampling };
      return {
        key: key({ ...parts, seed, instruction: problem.text, solution: index }),
        prompt: render(template, { instruction: problem.text }),
        seed,
        ...sampling,
      };
    }),
  }));
  await generate(
    work,
    model,
    units.flatMap(({ requests }) => requests),
  );

  const report: PairReport = { pairs: [], dropped: {} };
  for (const { problem, requests } of units) {
    const sampled = requests.map((request) => {
      const generation = work.store.success(request.key);
      return (generation && prompts.parseResponse(generation.text)) ?? null;
    });
    pairSolutions(problem, sampled, { most: perProblem, seed: work.seed, unanswered: 'neither' }, report);
  }
  return report;
}
