import { EvalPlannerError } from '../errors.ts';
import type { Work } from '../generate.ts';
import type { Model } from '../model.ts';
import { failedCheck, type PairChecks } from '../pairs/checks.ts';
import { classify } from '../pairs/classify.ts';
import { generalPairs } from '../pairs/general.ts';
import { languageDetector } from '../pairs/language.ts';
import { mathPairs } from '../pairs/math.ts';
import { countDrop, type PairReport, responsePair } from '../pairs/pair.ts';
import { pairSolutions } from '../pairs/solutions.ts';
import type { SourceInstruction } from '../pairs/sources/instruction.ts';
import type { PromptSet } from '../prompts/set.ts';
import { openStore, type Store } from '../store.ts';
import { openModel, placeOf } from './models.ts';
import { promptsOf } from './open-judge.ts';
import type { PairsCommand } from './pairs.ts';

/** Makes pairs of instructions; the model and the ledger are opened when they are first needed. */
export class PairMaker {
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
      else if (isMath && instruction.answer === undefined) countDrop(report, 'no gold answer');
      else (isMath ? math : general).push(instruction);
    }
    for (const instruction of own) {
      const [chosen, rejected] = [instruction.response as string, instruction.rejected as string];
      const reason = failedCheck(chosen, rejected, await this.#check());
      if (reason !== null) countDrop(report, reason);
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
      countDrop(report, category === null ? 'category not told' : 'of another category');
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
  for (const [reason, n] of Object.entries(dropped)) countDrop(report, reason, n);
}
