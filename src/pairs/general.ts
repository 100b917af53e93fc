import { generate, type Work } from '../generate.ts';
import type { GenerateRequest, Model } from '../model.ts';
import type { PromptSet } from '../prompts/set.ts';
import { render, type Template } from '../prompts/template.ts';
import { seedOf } from '../random.ts';
import { key } from '../store.ts';
import { countDrop, type Instruction, type PairReport, responsePair, type Sampling } from './pair.ts';

/** Answers are labelled right without a check, so they are best drawn cold; modifications need variety. */
export interface GeneralSampling {
  readonly answer: Sampling;
  readonly modification: Sampling;
}

/** General pairs (method.md section 1): chosen answers x; rejected answers x', a modification of x that the model writes
 * together with its answer. */
export async function generalPairs(
  work: Work,
  model: Model,
  prompts: PromptSet,
  instructions: readonly Instruction[],
  { answer: answering, modification }: GeneralSampling,
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
    answer: request(prompts.response, instruction, answering),
    change: request(prompts.modify, instruction, modification),
  }));
  await generate(
    work,
    model,
    units.flatMap(({ answer, change }) => [answer, change]),
  );

  const report: PairReport = { pairs: [], dropped: {} };
  for (const { instruction, answer, change } of units) {
    const answered = work.store.success(answer.key);
    const changed = work.store.success(change.key);
    if (!answered || !changed) {
      countDrop(report, 'cut');
      continue;
    }
    const chosen = prompts.parseResponse(answered.text);
    const modified = prompts.parseModify(changed.text);
    if (chosen === null || modified === null) countDrop(report, 'unreadable');
    else if (modified.instruction === instruction.text) countDrop(report, 'instruction not modified');
    else if (modified.response === chosen) countDrop(report, 'same response');
    else {
      const provenance = { modified: modified.instruction };
      report.pairs.push(responsePair('general', instruction, chosen, modified.response, provenance));
    }
  }
  return report;
}
