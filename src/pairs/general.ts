import type { GenerateRequest, Sampling } from '../model.ts';
import type { Modification } from '../prompts/modify.ts';
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
  const against =
    other === undefined
      ? request(prompts.modify, modification)
      : other.response === undefined
        ? request(prompts.response, answering, other.text)
        : null;
  const answers = yield asks([answer, against].filter((one) => one !== null));
  const report = newPairReport();
  const changed = against ? answers.get(against.key)?.generation : undefined;
  const answered = answer ? answers.get(answer.key)?.generation : undefined;
  const missing = (answer && noAnswer(answered)) ?? (against && noAnswer(changed));
  if (missing !== null) {
    countDrop(report, missing);
    return report;
  }
  const chosen = answered ? prompts.parseResponse(answered.text) : (response ?? null);
  const modified = insteadOf(changed?.text, other, prompts);
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

/** The instruction that was answered in place of x, and the answer: the other one's own, or what the model wrote. */
function insteadOf(
  written: string | undefined,
  other: Instruction['other'],
  prompts: PairMaking['prompts'],
): Modification | null {
  if (other === undefined) return written === undefined ? null : prompts.parseModify(written);
  const response = other.response ?? (written === undefined ? null : prompts.parseResponse(written));
  return response === null ? null : { instruction: other.text, response };
}
