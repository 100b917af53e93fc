import type { Work } from '../generate.ts';
import type { GenerateRequest, Model } from '../model.ts';
import type { PromptSet } from '../prompts/set.ts';
import { render, type Template } from '../prompts/template.ts';
import { seedOf } from '../random.ts';
import { key } from '../store.ts';
import { failedCheck, type PairChecks, sameText } from './checks.ts';
import { countDrop, type Instruction, type PairReport, responsePair, type Sampling } from './pair.ts';
import { makePairs, noAnswer, type PairMaking, type PairUnit } from './unit.ts';

/** Answers are labelled right without a check, so they are best drawn cold; modifications need variety. */
export interface GeneralSampling {
  readonly answer: Sampling;
  readonly modification: Sampling;
}

/** General pairs (arXiv 2501.18099): chosen answers x, the data set's own answer where there is one; rejected answers x', a
 * modification of x that the model writes together with its answer. */
export function generalPairs(
  work: Work,
  model: Model,
  prompts: PromptSet,
  instructions: readonly Instruction[],
  sampling: GeneralSampling,
): Promise<PairReport> {
  const making = { seed: work.seed, revision: model.revision, prompts };
  return makePairs(
    work,
    model,
    instructions.map((instruction) => generalUnit(making, instruction, sampling)),
  );
}

export function generalUnit(
  { seed: runSeed, revision, prompts }: PairMaking,
  instruction: Instruction,
  { answer: answering, modification }: GeneralSampling,
  checks: PairChecks = {},
): PairUnit {
  const { text, response } = instruction;
  const request = (template: Template<'instruction'>, sampling: Sampling): GenerateRequest => {
    const seed = seedOf(runSeed, template.name, text);
    const parts = { prompt: template.name, version: template.version, model: revision, ...sampling };
    return {
      key: key({ ...parts, seed, instruction: text }),
      prompt: render(template, { instruction: text }),
      seed,
      ...sampling,
    };
  };
  const answer = response === undefined ? request(prompts.response, answering) : null;
  const change = request(prompts.modify, modification);
  return {
    requests: answer ? [answer, change] : [change],
    pairs(generation) {
      const report: PairReport = { pairs: [], dropped: {} };
      const changed = generation(change.key);
      const answered = answer ? generation(answer.key) : undefined;
      const missing = (answer && noAnswer(answered)) ?? noAnswer(changed);
      if (missing !== null) {
        countDrop(report, missing);
        return report;
      }
      const chosen = answered ? prompts.parseResponse(answered.text) : (response ?? null);
      const modified = changed ? prompts.parseModify(changed.text) : null;
      if (chosen === null || modified === null) {
        countDrop(report, 'unreadable');
        return report;
      }
      const reason = sameText(modified.instruction, text)
        ? 'instruction not modified'
        : failedCheck(chosen, modified.response, checks);
      if (reason !== null) countDrop(report, reason);
      else {
        const provenance = { modified: modified.instruction };
        report.pairs.push(responsePair('general', instruction, chosen, modified.response, provenance));
      }
      return report;
    },
  };
}
