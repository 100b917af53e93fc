import type { BenchmarkChoice, ChoiceBenchmark, ChoiceGame, Way } from '../benchmarks/choice.ts';
import { CHOICE_BENCHMARKS } from '../benchmarks/choice-names.ts';
import { playChoices } from '../benchmarks/choice-play.ts';
import { type ChoiceScore, scoreChoices } from '../benchmarks/choice-score.ts';
import { choiceRow, joinChoices } from '../benchmarks/choice-verdicts.ts';
import { EvalPlannerError, EXIT_CODE } from '../errors.ts';
import { choiceMarkdown, renderChoices } from '../report/choice-table.ts';
import { percent } from '../report/format.ts';
import { tableOptions } from '../report/table.ts';
import { readRows } from '../rows/read.ts';
import type { SourceRow } from '../rows/row.ts';
import { benchmarkRows, noteOddities } from './bench-rows.ts';
import { printDryRun } from './dry-run-text.ts';
import { writeAtomically } from './files.ts';
import { type JudgeSetup, type OpenJudge, openJudge } from './open-judge.ts';
import { ProgressLine } from './progress-line.ts';
import { print } from './terminal.ts';

export interface BenchChoicesOptions extends JudgeSetup {
  readonly data?: string;
  readonly way?: Way;
  readonly out?: string;
  readonly maxChars?: number;
  readonly orders?: 'official' | 'both';
  readonly verdicts?: string;
  readonly saveVerdicts?: string;
  readonly limit?: number;
  readonly json?: boolean;
  readonly markdown?: boolean;
  readonly failUnder?: number;
}

export const isChoice = (name: string) => CHOICE_BENCHMARKS.some((benchmark) => benchmark.name === name);

/** `evalplanner bench NAMES` for benchmarks of choices among n responses. */
export async function benchChoices(
  names: readonly string[],
  options: BenchChoicesOptions,
  signal: AbortSignal,
): Promise<void> {
  const pairs = names.find((name) => !isChoice(name));
  if (pairs !== undefined)
    throw new EvalPlannerError(
      'usage',
      `${pairs} is not judged as ${names.find(isChoice)} is`,
      'give benchmarks of pairs and of choices to commands of their own',
    );
  if ((options.out ?? options.maxChars) !== undefined || options.orders === 'both')
    throw new EvalPlannerError(
      'usage',
      '--out, --max-chars and --orders are of pairs, not of choices among n',
      'leave them out: --store keeps the answers, --way says how choices are judged',
    );
  const benchmarks = CHOICE_BENCHMARKS.filter(({ name }) => names.includes(name));
  if ((options.verdicts ?? options.saveVerdicts) !== undefined && benchmarks.length > 1)
    throw new EvalPlannerError(
      'usage',
      'a file of verdicts belongs to one benchmark',
      `score them one by one, e.g. evalplanner bench ${names[0]} --verdicts FILE`,
    );
  if (options.verdicts !== undefined && (options.model ?? options.way) !== undefined)
    throw new EvalPlannerError(
      'usage',
      'verdicts were given, and a model or a way of judging',
      'leave out --model and --way: the verdicts say how they were made',
    );
  const judge = options.verdicts === undefined ? await openJudge(options, signal) : null;
  const results: ChoiceScore[] = [];
  try {
    for (const benchmark of benchmarks) {
      const all = await load(benchmark, options.data);
      const choices = first(all, options.limit);
      const { games, way } = judge
        ? await played(judge, benchmark, choices, options)
        : joinChoices(all, await allRows(options.verdicts as string));
      if (judge?.dry) continue;
      const wanted = new Set(choices);
      const own = games.filter(({ choice }) => wanted.has(choice));
      if (own.length === 0)
        throw new EvalPlannerError(
          'data',
          `${benchmark.title}: there is no verdict`,
          'give rows {id, verdict} or {id, ratings}, or choices to judge',
        );
      results.push(scoreChoices(benchmark, own, choices, way, options.seed));
      if (options.saveVerdicts !== undefined)
        await writeAtomically(
          options.saveVerdicts,
          own.map((game) => `${JSON.stringify(choiceRow(game, way))}\n`).join(''),
        );
    }
  } finally {
    await judge?.close();
  }
  if (judge?.dry) return printDryRun(judge.dry, options.json);
  await show(results, options);
  gates(results, options);
}

async function show(results: readonly ChoiceScore[], { json, markdown }: BenchChoicesOptions): Promise<void> {
  if (json) return print(`${JSON.stringify({ benchmarks: results }, null, 2)}\n`);
  if (markdown) return print(choiceMarkdown(results));
  const table = tableOptions(process.stdout);
  const published = (name: string) =>
    CHOICE_BENCHMARKS.find((benchmark) => benchmark.name === name)?.published ?? [];
  return print(results.map((score) => renderChoices(score, published(score.name), table)).join('\n'));
}

function gates(results: readonly ChoiceScore[], { failUnder }: BenchChoicesOptions): void {
  for (const { title, shares } of results) {
    if (shares.error === 0) continue;
    process.stderr.write(
      `${title}: the model did not answer ${percent(shares.error)} % of the prompts\nfix: run the same command again, with --store FILE to ask for what is missing only\n`,
    );
    process.exitCode = EXIT_CODE.model;
    return;
  }
  for (const { title, official } of results) {
    if (failUnder === undefined || official.score >= failUnder) continue;
    process.stderr.write(`${title} scored ${official.score.toFixed(4)}, below --fail-under ${failUnder}\n`);
    process.exitCode = 1;
  }
}

async function played(
  { model, options }: OpenJudge,
  benchmark: ChoiceBenchmark,
  choices: readonly BenchmarkChoice[],
  { way = 'best-of-n' }: BenchChoicesOptions,
): Promise<{ games: ChoiceGame[]; way: Way }> {
  const byChoice = new Map<BenchmarkChoice, ChoiceGame>();
  const line = new ProgressLine(benchmark.title, choices.length, 'choices');
  try {
    for await (const game of playChoices(model, choices, { ...options, way })) {
      byChoice.set(game.choice, game);
      line.show(byChoice.size);
    }
  } finally {
    line.end(byChoice.size);
  }
  return { games: choices.flatMap((choice) => byChoice.get(choice) ?? []), way };
}

async function load(benchmark: ChoiceBenchmark, data?: string): Promise<BenchmarkChoice[]> {
  const choices = benchmark.load(await benchmarkRows(benchmark, data));
  if (choices.length === 0)
    throw new EvalPlannerError(
      'data',
      `${data ?? benchmark.hub.join(', ')} holds no choices`,
      'fetch the files again',
    );
  noteOddities(benchmark, choices);
  return choices;
}

function first(choices: readonly BenchmarkChoice[], limit: number | undefined): readonly BenchmarkChoice[] {
  if (limit === undefined) return choices;
  const prompts = new Set([...new Set(choices.map(({ prompt }) => prompt))].slice(0, limit));
  return choices.filter(({ prompt }) => prompts.has(prompt));
}

async function allRows(path: string): Promise<SourceRow[]> {
  const rows: SourceRow[] = [];
  for await (const row of readRows(path)) rows.push(row);
  return rows;
}
