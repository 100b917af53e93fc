import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EvalPlannerError } from '../errors.ts';
import type { Work } from '../generate.ts';
import type { Model } from '../model.ts';
import { type Account, leave, newAccount } from '../pairs/account.ts';
import { failedCheck, type PairChecks } from '../pairs/checks.ts';
import { classify } from '../pairs/classify.ts';
import { generalPairs } from '../pairs/general.ts';
import { languageDetector } from '../pairs/language.ts';
import { mathPairs } from '../pairs/math.ts';
import { type PairReport, responsePair } from '../pairs/pair.ts';
import { type SelectOptions, selectInstructions } from '../pairs/select.ts';
import { pairSolutions } from '../pairs/solutions.ts';
import type { SourceInstruction } from '../pairs/sources/instruction.ts';
import { type FieldMapping, mapped, presetOf } from '../pairs/sources/presets.ts';
import type { PromptSet } from '../prompts/set.ts';
import { readSource } from '../rows/sources.ts';
import { openRows } from '../rows/write.ts';
import { openStore, type Store } from '../store.ts';
import type { Domain, ResponsePair } from '../types.ts';
import { collectEarly } from './memory.ts';
import type { ModelOptions } from './model-options.ts';
import { openModel, placeOf } from './models.ts';
import { promptsOf } from './open-judge.ts';
import { accountText } from './pairs-text.ts';
import { ProgressLine } from './progress-line.ts';
import { print, printable } from './terminal.ts';

export interface PairsCommand extends ModelOptions {
  readonly data?: readonly string[];
  readonly from?: string;
  readonly fields?: FieldMapping;
  readonly kind?: Domain;
  readonly out?: string;
  readonly model?: string;
  readonly prompts?: 'playground' | 'published';
  readonly chosen: 'own' | 'model';
  readonly solutions: number;
  readonly perInstruction?: number;
  readonly categories?: readonly string[];
  readonly languages?: readonly string[];
  readonly minChars?: number;
  readonly maxChars?: number;
  readonly maxResponseChars?: number;
  readonly maxTurns?: number;
  readonly toxic?: boolean;
  readonly nearDuplicates: number | false;
  readonly maxLengthRatio: number;
  readonly sample?: number;
  readonly limit?: number;
  readonly temperature: number;
  readonly maxTokens: number;
  readonly seed: number;
  readonly store?: string;
  readonly onError: 'stop' | 'skip';
  readonly json?: boolean;
}

/** What `pairs` did: every row that was read, and what became of it. */
export interface PairsReport {
  readonly sources: readonly string[];
  readonly rows: Account;
  /** Of the instructions that were kept. */
  readonly instructions: Account;
  readonly pairs: number;
  readonly out: string | null;
}

/** Instructions that are asked for together: enough to keep a server busy, few enough to hold. */
const CHUNK = 1024;

/** `evalplanner pairs SOURCES`: response pairs from data sets, streamed into a file. */
export async function pairs(
  sources: readonly string[],
  command: PairsCommand,
  signal: AbortSignal,
): Promise<void> {
  const from = [...sources, ...(command.data ?? [])];
  if (from.length === 0) {
    const remedy = 'give files, folders, globs or datasets of the hub; see `evalplanner pairs --help`';
    throw new EvalPlannerError('usage', 'there is no source of instructions', remedy);
  }
  collectEarly();
  const rows = newAccount();
  const instructions = newAccount();
  const line = new ProgressLine('pairs');
  const bad = (error: EvalPlannerError) => {
    line.clear();
    process.stderr.write(`left out: ${printable(error.message)}\n`);
  };
  const maker = new Maker(command, signal);
  if (command.out !== undefined) await mkdir(dirname(command.out), { recursive: true });
  const writer = command.out === undefined ? null : await openRows(command.out);
  let count = 0;
  const put = async (pair: ResponsePair) => {
    count++;
    line.show(count);
    await (writer ? writer.write(pair) : print(`${JSON.stringify(pair)}\n`));
  };
  try {
    const options = await selection(command);
    const read = readAll(from, command.onError, (error) => {
      rows.read++;
      leave(rows, 'unreadable');
      bad(error);
    });
    const skip = command.onError === 'skip' ? { onBadRow: bad } : {};
    for await (const chunk of chunks(selectInstructions(read, { ...options, ...skip }, rows), CHUNK)) {
      signal.throwIfAborted();
      instructions.read += chunk.length;
      const made = await maker.pairs(chunk);
      for (const [reason, n] of Object.entries(made.dropped)) {
        instructions.left[reason] = (instructions.left[reason] ?? 0) + n;
        instructions.kept -= n;
      }
      instructions.kept += chunk.length;
      for (const pair of made.pairs) await put(pair);
    }
    if (rows.read === 0)
      throw new EvalPlannerError('data', `${from.join(', ')} holds no rows`, 'check the source');
    line.clear();
    const report: PairsReport = { sources: from, rows, instructions, pairs: count, out: command.out ?? null };
    if (count === 0) {
      await writer?.discard();
      process.stderr.write(accountText(report));
      const remedy = 'see above what became of the rows, and loosen what left them out';
      throw new EvalPlannerError('data', 'no row gave a pair', remedy);
    }
    await writer?.close();
    const text = command.json ? `${JSON.stringify(report, null, 2)}\n` : accountText(report);
    // Without a file the pairs themselves are the result.
    if (writer) await print(text);
    else process.stderr.write(text);
  } catch (error) {
    line.clear();
    await writer?.discard();
    throw error;
  } finally {
    await maker.close();
  }
}

async function selection(command: PairsCommand): Promise<SelectOptions> {
  const { from, fields, languages } = command;
  if (from !== undefined && fields !== undefined)
    throw new EvalPlannerError('usage', '--from and --fields were given', 'give one of them');
  const preset = fields ? mapped(fields) : from === undefined ? undefined : presetOf(from);
  const { minChars, maxChars, maxResponseChars, maxTurns, toxic, sample, limit, seed } = command;
  return {
    ...(preset ? { preset } : {}),
    ...(languages ? { languages, detect: await languageDetector() } : {}),
    ...(minChars === undefined ? {} : { minChars }),
    ...(maxChars === undefined ? {} : { maxChars }),
    ...(maxResponseChars === undefined ? {} : { maxResponseChars }),
    ...(maxTurns === undefined ? {} : { maxTurns }),
    ...(toxic ? { toxic } : {}),
    ...(sample === undefined ? {} : { sample }),
    ...(limit === undefined ? {} : { limit }),
    duplicates: command.nearDuplicates === false ? null : command.nearDuplicates,
    seed,
  };
}

async function* readAll(
  sources: readonly string[],
  onError: 'stop' | 'skip',
  onBadRow: (error: EvalPlannerError) => void,
) {
  for (const source of sources) yield* readSource(source, { onError, onBadRow });
}

async function* chunks<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let chunk: T[] = [];
  for await (const item of items) {
    chunk.push(item);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

/** Makes pairs of instructions; the model and the ledger are opened when they are first needed. */
class Maker {
  readonly #command: PairsCommand;
  readonly #signal: AbortSignal;
  #opened: { model: Model; store: Store; prompts: PromptSet } | null = null;
  #checks: Promise<PairChecks> | null = null;

  constructor(command: PairsCommand, signal: AbortSignal) {
    this.#command = command;
    this.#signal = signal;
  }

  async pairs(instructions: readonly SourceInstruction[]): Promise<PairReport> {
    const { kind, seed, perInstruction, categories } = this.#command;
    const report: PairReport = { pairs: [], dropped: {} };
    const own: SourceInstruction[] = [];
    const math: SourceInstruction[] = [];
    const general: SourceInstruction[] = [];
    for (const instruction of await this.#classified(instructions, categories, report)) {
      const isMath = kind === 'math' || (kind === undefined && instruction.answer !== undefined);
      if (instruction.solutions && kind !== 'general')
        pairSolutions(
          instruction,
          instruction.solutions,
          { most: perInstruction ?? Infinity, seed, unanswered: 'wrong' },
          report,
        );
      else if (instruction.rejected !== undefined && instruction.response !== undefined)
        own.push(instruction);
      else if (isMath && instruction.answer === undefined) leave({ left: report.dropped }, 'no gold answer');
      else (isMath ? math : general).push(instruction);
    }
    for (const instruction of own) {
      const [chosen, rejected] = [instruction.response as string, instruction.rejected as string];
      const reason = failedCheck(chosen, rejected, await this.#check());
      if (reason !== null) leave({ left: report.dropped }, reason);
      else
        report.pairs.push(
          responsePair(kind ?? 'general', instruction, chosen, rejected, { from: 'the data set' }),
        );
    }
    if (math.length > 0) add(report, await this.#math(math));
    if (general.length > 0) add(report, await this.#general(general));
    return report;
  }

  async #classified(
    instructions: readonly SourceInstruction[],
    categories: readonly string[] | undefined,
    report: PairReport,
  ): Promise<readonly SourceInstruction[]> {
    if (categories === undefined) return instructions;
    const { model } = await this.#open();
    const named = await classify(this.#work(), model, instructions);
    return instructions.filter((_, i) => {
      const category = named[i] ?? null;
      if (category !== null && categories.includes(category)) return true;
      leave({ left: report.dropped }, category === null ? 'category not told' : 'of another category');
      return false;
    });
  }

  async #math(problems: readonly SourceInstruction[]): Promise<PairReport> {
    const { model, prompts } = await this.#open();
    const { solutions, perInstruction = 1 } = this.#command;
    return mathPairs(this.#work(), model, prompts, problems, this.#sampling(), solutions, perInstruction);
  }

  async #general(instructions: readonly SourceInstruction[]): Promise<PairReport> {
    const { model, prompts } = await this.#open();
    const asked =
      this.#command.chosen === 'own'
        ? instructions
        : instructions.map(({ response: _, ...instruction }) => instruction);
    const sampling = this.#sampling();
    const answer = { ...sampling, temperature: 0 };
    return generalPairs(
      this.#work(),
      model,
      prompts,
      asked,
      { answer, modification: sampling },
      await this.#check(),
    );
  }

  #sampling() {
    return { temperature: this.#command.temperature, topP: 0.95, maxTokens: this.#command.maxTokens };
  }

  #check(): Promise<PairChecks> {
    this.#checks ??= languageDetector().then((detect) => ({
      maxLengthRatio: this.#command.maxLengthRatio,
      detect,
    }));
    return this.#checks;
  }

  #work(): Work {
    const { store } = this.#opened as { store: Store };
    return { store, seed: this.#command.seed, signal: this.#signal };
  }

  async #open() {
    if (this.#opened) return this.#opened;
    const { model: name, store: path, out, baseUrl, prompts } = this.#command;
    if (name === undefined) {
      const what = 'these rows need a model: for answers, for modified instructions or for solutions';
      throw new EvalPlannerError('usage', what, 'name it with --model, as in `evalplanner judge`');
    }
    const place = placeOf(name, baseUrl);
    const model = await openModel(name, this.#command);
    try {
      const ledger = path ?? (out === undefined ? ':memory:' : `${out}.db`);
      const store = openStore(ledger, { config: { command: 'pairs' } });
      const set = await promptsOf(prompts, place.kind === 'folder' ? place.folder : null);
      this.#opened = { model, store, prompts: set };
    } catch (error) {
      await model.close();
      throw error;
    }
    return this.#opened;
  }

  async close(): Promise<void> {
    this.#opened?.store.close();
    await this.#opened?.model.close();
  }
}

function add(report: PairReport, { pairs: made, dropped }: PairReport): void {
  for (const pair of made) report.pairs.push(pair);
  for (const [reason, n] of Object.entries(dropped))
    report.dropped[reason] = (report.dropped[reason] ?? 0) + n;
}
