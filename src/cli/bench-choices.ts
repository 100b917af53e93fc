import type { BenchmarkChoice, ChoiceBenchmark, ChoiceGame, Way } from '../benchmarks/choice.ts';
import { CHOICE_BENCHMARKS } from '../benchmarks/choice-names.ts';
import { playChoices } from '../benchmarks/choice-play.ts';
import { scoreChoices } from '../benchmarks/choice-score.ts';
import { choiceRow, joinChoices } from '../benchmarks/choice-verdicts.ts';
import type { Effort } from '../benchmarks/effort.ts';
import { EvalPlannerError } from '../errors.ts';
import type { ChoiceResult } from '../report/benchmark-report.ts';
import { choiceMarkdown, renderChoices } from '../report/choice-table.ts';
import { tableOptions } from '../report/table.ts';
import { choicesDigest } from './bench-data.ts';
import { verdictsFile } from './bench-folder.ts';
import { gates } from './bench-gates.ts';
import { playAll } from './bench-play.ts';
import { allRows, benchmarkRows, firstPrompts, noteOddities } from './bench-rows.ts';
import { type BenchOptions, type BenchRun, inFolder, tellPage, writeReport } from './bench-run.ts';
import { printDryRun } from './dry-run-text.ts';
import { writeAtomically } from './files.ts';
import type { OpenJudge } from './open-judge.ts';
import { print } from './terminal.ts';

export const isChoice = (name: string) => CHOICE_BENCHMARKS.some((benchmark) => benchmark.name === name);

/** `evalplanner bench NAMES` for benchmarks of choices among n responses. */
export async function benchChoices(
  names: readonly string[],
  options: BenchOptions,
  signal: AbortSignal,
): Promise<void> {
  const pairs = names.find((name) => !isChoice(name));
  if (pairs !== undefined)
    throw new EvalPlannerError(
      'usage',
      `${pairs} is not judged as ${names.find(isChoice)} is`,
      'give benchmarks of pairs and of choices to commands of their own',
    );
  if (options.maxChars !== undefined || options.orders === 'both')
    throw new EvalPlannerError(
      'usage',
      '--max-chars and --orders are of pairs, not of choices among n',
      'leave them out, and choose by --way how choices are judged',
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
  const loaded: { benchmark: ChoiceBenchmark; all: BenchmarkChoice[] }[] = [];
  for (const benchmark of benchmarks)
    loaded.push({ benchmark, all: await loadChoices(benchmark, options.data) });
  const results: ChoiceResult[] = [];
  await inFolder(
    benchmarks.map(({ name }) => name),
    options,
    signal,
    async (run) => {
      const { judge, folder } = run;
      for (const { benchmark, all } of loaded) {
        const choices = firstPrompts(all, options.limit);
        const { games, way, effort } = judge
          ? await played(run, judge, benchmark, choices, options)
          : { ...(await readChoices(options.verdicts as string, all)), effort: null };
        if (judge?.dry) continue;
        const wanted = new Set(choices);
        const own = games.filter(({ choice }) => wanted.has(choice));
        if (own.length === 0)
          throw new EvalPlannerError(
            'data',
            `${benchmark.title}: there is no verdict`,
            'give rows {id, verdict} or {id, ratings}, or choices to judge',
          );
        const score = scoreChoices(benchmark, own, choices, way, options.seed);
        results.push({ ...score, digest: choicesDigest(all), effort, published: benchmark.published });
        const lines = own.map((game) => `${JSON.stringify(choiceRow(game, way))}\n`).join('');
        if (folder !== null) await writeAtomically(verdictsFile(folder, benchmark.name), lines);
        if (options.saveVerdicts !== undefined) await writeAtomically(options.saveVerdicts, lines);
      }
      if (judge?.dry) return printDryRun(judge.dry, options.json);
      await writeReport(run, { benchmarks: [], choices: results }, options);
      await show(results, options);
      tellPage(run, options);
      gates(results, options.failUnder);
    },
  );
}

async function show(results: readonly ChoiceResult[], { json, markdown }: BenchOptions): Promise<void> {
  if (json) return print(`${JSON.stringify({ benchmarks: results }, null, 2)}\n`);
  if (markdown) return print(choiceMarkdown(results));
  const table = tableOptions(process.stdout);
  return print(results.map((score) => renderChoices(score, score.published, table)).join('\n'));
}

async function played(
  run: BenchRun,
  { model, options }: OpenJudge,
  benchmark: ChoiceBenchmark,
  choices: readonly BenchmarkChoice[],
  { way = 'best-of-n' }: BenchOptions,
): Promise<{ games: ChoiceGame[]; way: Way; effort: Effort }> {
  const { games, effort } = await playAll(
    run,
    { ...benchmark, items: choices, unit: 'choices' },
    (meter) => playChoices(model, choices, { ...options, way, meter }),
    ({ choice }) => choice,
  );
  return { games, way, effort };
}

/** All choices of a benchmark; says on stderr what is strange in them. */
export async function loadChoices(benchmark: ChoiceBenchmark, data?: string): Promise<BenchmarkChoice[]> {
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

/** The verdicts of a file about a benchmark's choices. */
export async function readChoices(file: string, all: readonly BenchmarkChoice[]) {
  return joinChoices(all, await allRows([file]));
}
