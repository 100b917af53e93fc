import type { GenerateRequest, Sampling } from '../model.ts';
import { render, type Template } from '../prompts/template.ts';
import { seedOf } from '../random.ts';
import { requestOf } from '../sampling/request.ts';
import { asks, type Task } from '../sampling/task.ts';
import type { Instruction } from '../source.ts';
import { failedCheck, type PairChecks, sameText } from './checks.ts';
import {
  countDrop,
  newPairReport,
  noAnswer,
  type PairMaking,
  type PairReport,
  responsePair,
} from './pair.ts';

/** Answers are labelled right without a check, so they are best drawn cold; modifications need variety. */
export interface GeneralSampling {
  readonly answer: Sampling;
  readonly modification: Sampling;
}

/** A general pair (arXiv 2501.18099): chosen answers x, the data set's own answer where there is one; rejected answers x', a
 * modification of x that the model writes together with its answer, or another instruction where one is named. */
export function* generalPair(
  { seed: runSeed, domain, revision, prompts }: PairMaking,
  instruction: Instruction,
  { answer: answering, modification }: GeneralSampling,
  checks: PairChecks = {},
): Task<PairReport> {
  const { text, response, other } = instruction;
  const request = (template: Template<'instruction'>, sampling: Sampling, of = text): GenerateRequest => {
    const seed = seedOf(runSeed, template.name, of);
    const prompt = render(template, { instruction: of });
    return requestOf({ template, text: prompt, model: revision, seed, sampling });
  };
  const answer = response === undefined ? request(prompts.response, answering) : null;
  const change =
    other === undefined ? request(prompts.modify, modification) : request(prompts.response, answering, other);
  const answers = yield asks(answer ? [answer, change] : [change]);
  const report = newPairReport();
  const changed = answers.get(change.key)?.generation;
  const answered = answer ? answers.get(answer.key)?.generation : undefined;
  const missing = (answer && noAnswer(answered)) ?? noAnswer(changed);
  if (missing !== null) {
    countDrop(report, missing);
    return report;
  }
  const chosen = answered ? prompts.parseResponse(answered.text) : (response ?? null);
  const modified = changed ? answerTo(changed.text, other, prompts) : null;
  if (chosen === null || modified === null) {
    countDrop(report, 'unreadable');
    return report;
  }
  const reason = sameText(modified.instruction, text)
    ? 'instruction not modified'
    : failedCheck(chosen, modified.response, checks);
  if (reason !== null) countDrop(report, reason);
  else {
    const provenance =
      other === undefined ? { modified: modified.instruction } : { other: modified.instruction };
    report.pairs.push(responsePair(domain, instruction, chosen, modified.response, provenance));
  }
  return report;
}

/** The instruction that was answered in place of x, and the answer. */
function answerTo(text: string, other: string | undefined, prompts: PairMaking['prompts']) {
  if (other === undefined) return prompts.parseModify(text);
  const response = prompts.parseResponse(text);
  return response === null ? null : { instruction: other, response };
}
