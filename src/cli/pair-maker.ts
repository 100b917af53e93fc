import { EvalPlannerError } from '../errors.ts';
import { conduct } from '../judging/conduct.ts';
import type { Answer, Task } from '../judging/task.ts';
import type { GenerateRequest, Model } from '../model.ts';
import { failedCheck, type PairChecks } from '../pairs/checks.ts';
import { categoryOf, classifyRequest } from '../pairs/classify.ts';
import { generalUnit } from '../pairs/general.ts';
import { languageDetector } from '../pairs/language.ts';
import { mathUnit } from '../pairs/math.ts';
import { countDrop, type PairReport, responsePair } from '../pairs/pair.ts';
import { pairSolutions } from '../pairs/solutions.ts';
import type { SourceInstruction } from '../pairs/sources/instruction.ts';
import type { PairMaking } from '../pairs/unit.ts';
import { openStore, type Store } from '../store.ts';
import { openModel, placeOf } from './models.ts';
import { promptsOf } from './open-judge.ts';
import type { PairsCommand } from './pairs.ts';

interface Opened extends PairMaking {
  readonly model: Model;
  readonly store: Store;
}

/** Instructions begun and not yet handed over: enough to keep a server busy, few enough to hold. */
const WINDOW = 1024;

/** The pairs of each instruction, in their order; a model is asked about many instructions at once, of which the first ones may
 * still be answered while the last ones are read. */
export async function* pairsOf(
  instructions: AsyncIterable<SourceInstruction>,
  command: PairsCommand,
  signal: AbortSignal,
): AsyncGenerator<PairReport> {
  const checks = { maxLengthRatio: command.maxLengthRatio, detect: await languageDetector() };
  if (command.model === undefined) {
    for await (const instruction of instructions)
      yield pairTask(instruction, command, checks, null).next().value as PairReport;
    return;
  }
  const opened = await open(command.model, command);
  const { model, store } = opened;
  try {
    const task = (instruction: SourceInstruction) => pairTask(instruction, command, checks, opened);
    yield* conduct(instructions, task, { judge: model, planner: model, store, signal, window: WINDOW });
  } finally {
    store.close();
    await model.close();
  }
}

/** Without a model it never asks: it ends, or throws where it would have to. */
function* pairTask(
  instruction: SourceInstruction,
  command: PairsCommand,
  checks: PairChecks,
  opened: Opened | null,
): Task<PairReport> {
  const { kind, seed, perInstruction, categories, chosen: whose, solutions } = command;
  const report: PairReport = { pairs: [], dropped: {} };
  if (categories) {
    const category = yield* categoryTask(instruction.text, needed(opened));
    if (category === null || !categories.includes(category)) {
      countDrop(report, category === null ? 'category not told' : 'of another category');
      return report;
    }
  }
  const { response, rejected, answer } = instruction;
  if (instruction.solutions && kind !== 'general') {
    const options = { most: perInstruction ?? Infinity, seed, unanswered: 'wrong' } as const;
    pairSolutions(instruction, instruction.solutions, options, report);
    return report;
  }
  if (rejected !== undefined && response !== undefined) {
    const reason = failedCheck(response, rejected, checks);
    if (reason !== null) countDrop(report, reason);
    else {
      const domain = kind ?? instruction.domain ?? 'general';
      report.pairs.push(responsePair(domain, instruction, response, rejected, { from: 'the data set' }));
    }
    return report;
  }
  const isMath = kind === 'math' || (kind === undefined && answer !== undefined);
  if (isMath && answer === undefined) {
    countDrop(report, 'no gold answer');
    return report;
  }
  const making = needed(opened);
  const sampling = { temperature: command.temperature, topP: 0.95, maxTokens: command.maxTokens };
  const { response: _, ...unanswered } = instruction;
  const unit = isMath
    ? mathUnit(making, instruction, sampling, solutions, perInstruction)
    : generalUnit(
        making,
        whose === 'own' ? instruction : unanswered,
        { answer: { ...sampling, temperature: 0 }, modification: sampling },
        checks,
      );
  const answers = yield asks(unit.requests);
  return unit.pairs((key) => answers.get(key)?.generation);
}

function* categoryTask(text: string, making: PairMaking): Task<string | null> {
  const request = classifyRequest(making, text);
  const answers: ReadonlyMap<string, Answer> = yield asks([request]);
  return categoryOf(answers.get(request.key)?.generation);
}

const asks = (requests: readonly GenerateRequest[]) =>
  requests.map((request) => ({ of: 'judge' as const, request }));

function needed(opened: Opened | null): Opened {
  if (opened) return opened;
  const what = 'these rows need a model: for answers, for modified instructions or for solutions';
  throw new EvalPlannerError('usage', what, 'name it with --model, as in `evalplanner judge`');
}

async function open(name: string, command: PairsCommand): Promise<Opened> {
  const { store: path, out, baseUrl, prompts, seed } = command;
  const place = placeOf(name, baseUrl);
  const model = await openModel(name, command);
  try {
    const ledger = path ?? (out === undefined ? ':memory:' : `${out}.db`);
    const store = openStore(ledger, { config: { command: 'pairs' } });
    const set = await promptsOf(prompts, place.kind === 'folder' ? place.folder : null);
    return { model, store, prompts: set, revision: model.revision, seed };
  } catch (error) {
    await model.close();
    throw error;
  }
}
