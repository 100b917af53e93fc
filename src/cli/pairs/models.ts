import type { Model } from '../../model.ts';
import { promptsOf } from '../../open/judge.ts';
import { openModel } from '../../open/model.ts';
import { placeOf } from '../../open/names.ts';
import { makePairs, type PairOptions } from '../../pairs/make.ts';
import type { PairReport } from '../../pairs/pair.ts';
import type { PromptSet } from '../../prompts/set.ts';
import { conduct } from '../../sampling/conduct.ts';
import type { SourceInstruction } from '../../source.ts';
import { openStore } from '../../store/ledger.ts';
import type { Store } from '../../store.ts';
import { languageDetector } from '../../text/language.ts';
import { againFor } from '../interrupt.ts';
import { ledgerOf, type PairsCommand } from './options.ts';

interface Opened {
  readonly revision: string;
  readonly prompts: PromptSet;
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
  const { kind, chosen, seed, solutions, perInstruction, categories, temperature, maxTokens } = command;
  const sampling = { temperature, topP: 0.95, maxTokens };
  const options: PairOptions = {
    seed,
    chosen,
    solutions,
    answer: { ...sampling, temperature: 0 },
    modification: sampling,
    solution: sampling,
    checks: { maxLengthRatio: command.maxLengthRatio, detect: await languageDetector() },
    ...(kind === undefined ? {} : { kind }),
    ...(perInstruction === undefined ? {} : { perInstruction }),
    ...(categories === undefined ? {} : { categories }),
  };
  if (command.model === undefined) {
    for await (const instruction of instructions)
      yield makePairs(instruction, options, null).next().value as PairReport;
    return;
  }
  const opened = await open(command.model, command);
  const { model, store } = opened;
  try {
    const task = (instruction: SourceInstruction) => makePairs(instruction, options, opened);
    const again = againFor(ledgerOf(command));
    const how = { judge: model, planner: model, store, signal, window: WINDOW, complete: true, again };
    yield* conduct(instructions, task, how);
  } finally {
    store.close();
    await model.close();
  }
}

async function open(name: string, command: PairsCommand): Promise<Opened> {
  const { baseUrl, prompts } = command;
  const place = placeOf(name, baseUrl);
  const model = await openModel(name, command);
  try {
    const store = openStore(ledgerOf(command) ?? ':memory:', { config: { command: 'pairs' } });
    const set = await promptsOf(prompts, place);
    return { model, store, prompts: set, revision: model.revision };
  } catch (error) {
    await model.close();
    throw error;
  }
}
