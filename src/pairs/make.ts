import { EvalPlannerError } from '../errors.ts';
import type { Sampling } from '../model.ts';
import type { Task } from '../sampling/task.ts';
import type { Instruction } from '../source.ts';
import type { PairKind } from '../types.ts';
import { failedCheck, type PairChecks } from './checks.ts';
import { categoryTask } from './classify.ts';
import { generalPair } from './general.ts';
import { mathPairs } from './math.ts';
import { countDrop, newPairReport, type PairMaking, type PairReport, responsePair } from './pair.ts';
import { pairSolutions } from './solutions.ts';

/** How instructions become pairs. */
export interface PairOptions {
  readonly seed: number;
  /** What the pairs are of; their kind when absent. */
  readonly domain?: string;
  /** Told by what the instruction brings where it is absent: one with a gold answer is math. */
  readonly kind?: PairKind;
  /** The chosen response of a general pair: the data set's own where there is one, or the model's. */
  readonly chosen: 'own' | 'model';
  /** Answers are labelled right without a check, so they are best drawn cold; modifications and solutions need variety. */
  readonly answer: Sampling;
  readonly modification: Sampling;
  readonly solution: Sampling;
  /** Candidate solutions of each problem that brings none. */
  readonly solutions: number;
  /** Most pairs of one problem; one where solutions are sampled, and all that its own give, when absent. */
  readonly perInstruction?: number;
  /** Only instructions that the model puts into one of these. */
  readonly categories?: readonly string[];
  readonly checks?: PairChecks;
}

/** The pairs of one instruction (arXiv 2501.18099): what it brings is taken as it is, and a model is asked for the rest. Without a
 * model nothing is asked: throws EvalPlannerError `usage` where something would have to be. */
export function* makePairs(
  instruction: Instruction,
  options: PairOptions,
  model: Omit<PairMaking, 'seed' | 'domain'> | null,
): Task<PairReport> {
  const { response, rejected, answer, solutions } = instruction;
  const { seed, kind, categories, perInstruction, checks = {} } = options;
  const isMath = kind === 'math' || (kind === undefined && (answer ?? solutions) !== undefined);
  const domain = options.domain ?? kind ?? instruction.domain ?? (isMath ? 'math' : 'general');
  const making = (): PairMaking => {
    if (model) return { seed, domain, ...model };
    const what = 'these rows need a model: for answers, for modified instructions or for solutions';
    throw new EvalPlannerError('usage', what, 'name it with --model, as in `evalplanner judge`');
  };
  const report = newPairReport();
  if (categories) {
    const category = yield* categoryTask(making(), instruction.text);
    if (category === null || !categories.includes(category)) {
      countDrop(report, category === null ? 'category not told' : 'of another category');
      return report;
    }
  }
  if (solutions && kind !== 'general') {
    const how = { domain, most: perInstruction ?? Infinity, seed, unanswered: 'wrong' } as const;
    pairSolutions(instruction, solutions, how, report);
    return report;
  }
  if (rejected !== undefined && response !== undefined) {
    const reason = failedCheck(response, rejected, checks);
    if (reason !== null) countDrop(report, reason);
    else report.pairs.push(responsePair(domain, instruction, response, rejected, { from: 'the data set' }));
    return report;
  }
  if (isMath) {
    if (answer !== undefined)
      return yield* mathPairs(making(), instruction, options.solution, options.solutions, perInstruction);
    countDrop(report, 'no gold answer');
    return report;
  }
  const { response: _, ...unanswered } = instruction;
  const asked = options.chosen === 'own' ? instruction : unanswered;
  return yield* generalPair(making(), asked, options, checks);
}
