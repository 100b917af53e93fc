import { generate, type Work } from '../generate.ts';
import type { GenerateRequest, Model } from '../model.ts';
import type { PromptSet } from '../prompts/set.ts';
import { render, type Template } from '../prompts/template.ts';
import { seedOf } from '../random.ts';
import { key } from '../store.ts';
import { failedCheck, type PairChecks, sameText } from './checks.ts';
import { countDrop, type Instruction, type PairReport, responsePair, type Sampling } from './pair.ts';

/** Answers are labelled right without a check, so they are best drawn cold; modifications need variety. */
export interface GeneralSampling {
  readonly answer: Sampling;
  readonly modification: Sampling;
}

/** General pairs (method.md section 1): chosen answers x, the data set's own answer where there is one; rejected answers x', a
 * modification of x that the model writes together with its answer. */
export async function generalPairs(
  work: Work,
  model: Model,
  prompts: PromptSet,
  instructions: readonly Instruction[],
  { answer: answering, modification }: GeneralSampling,
  checks: PairChecks = {},
): Promise<PairReport> {
  const request = (
    template: Template<'instruction'>,
    { text }: Instruction,
    sampling: Sampling,
  ): GenerateRequest => {
    const seed = seedOf(work.seed, template.name, text);
    const parts = { prompt: template.name, version: template.version, model: model.revision, ...sampling };
    return {
      key: key({ ...parts, seed, instruction: text }),
      prompt: render(template, { instruction: text }),
      seed,
      ...sampling,
    };
  };
  const units = instructions.map((instruction) => ({
    instruction,
    answer: instruction.response === undefined ? request(prompts.response, instruction, answering) : null,
    change: request(prompts.modify, instruction, modification),
  }));
  await generate(
    work,
    model,
    units.flatMap(({ answer, change }) => (answer ? [answer, change] : [change])),
  );

  const report: PairReport = { pairs: [], dropped: {} };
  for (const { instruction, answer, change } of units) {
    const changed = work.store.success(change.key);
    const answered = answer === null ? undefined : work.store.success(answer.key);
    if (!changed || (answer !== null && !answered)) {
      countDrop(report, 'cut');
      continue;
    }
    const chosen = answered ? prompts.parseResponse(answered.text) : (instruction.response ?? null);
    const modified = prompts.parseModify(changed.text);
    if (chosen === null || modified === null) {
      countDrop(report, 'unreadable');
      continue;
    }
    const reason = sameText(modified.instruction, instruction.text)
      ? 'instruction not modified'
      : failedCheck(chosen, modified.response, checks);
    if (reason !== null) countDrop(report, reason);
    else {
      const provenance = { modified: modified.instruction };
      report.pairs.push(responsePair('general', instruction, chosen, modified.response, provenance));
    }
  }
  return report;
}
