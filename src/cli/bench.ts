import type { Benchmark, BenchmarkPair, Game } from '../benchmarks/benchmark.ts';
import type { Effort } from '../benchmarks/effort.ts';
import { play, verdictRows } from '../benchmarks/play.ts';
import { scoreBenchmark } from '../benchmarks/score.ts';
import { EvalPlannerError } from '../errors.ts';
import type { BenchmarkResult } from '../report/benchmark-report.ts';
import { benchmarkMarkdown, renderBenchmark } from '../report/benchmark-table.ts';
import { tableOptions } from '../report/table.ts';
import { benchChoices, isChoice } from './bench-choices.ts';
import { benchmarkOf, digestOf, loadPairs, readGames, select } from './bench-data.ts';
import { verdictsFile } from './bench-folder.ts';
import { gates } from './bench-gates.ts';
import { playAll } from './bench-play.ts';
import { type BenchOptions, type BenchRun, inFolder, tellPage, writeReport } from './bench-run.ts';
import { printDryRun } from './dry-run-text.ts';
import { writeAtomically } from './files.ts';
import type { OpenJudge } from './open-judge.ts';
import { print } from './terminal.ts';

/** `evalplanner bench NAMES`: has a judge play benchmarks, or scores verdicts made elsewhere, under each one's own protocol. */
export async function bench(
  names: readonly string[],
  options: BenchOptions,
  signal: AbortSignal,
): Promise<void> {
  if (names.some(isChoice)) return benchChoices(names, options, signal);
  if (options.way !== undefined)
    throw new EvalPlannerError('usage', '--way is of choices among n', 'pairs are judged by --orders');
  const benchmarks = [...new Set(names)].map(benchmarkOf);
  const files = [options.verdicts, options.saveVerdicts].some((file) => file !== undefined);
  if (files && benchmarks.length > 1) {
    const remedy = `score them one by one, e.g. evalplanner bench ${names[0]} --verdicts FILE`;
    throw new EvalPlannerError('usage', 'a file of verdicts belongs to one benchmark', remedy);
  }
  if (options.verdicts !== undefined && options.model !== undefined)
    throw new EvalPlannerError('usage', 'verdicts and a model were given', 'give one of them');
  // Files that are missing or damaged are told before a folder is made or a model is asked.
  const loaded: { benchmark: Benchmark; all: BenchmarkPair[]; pairs: readonly BenchmarkPair[] }[] = [];
  for (const benchmark of benchmarks) {
    const all = await loadPairs(benchmark, options.data);
    loaded.push({ benchmark, all, pairs: select(all, options) });
  }
  const results: BenchmarkResult[] = [];
  await inFolder(
    benchmarks.map(({ name }) => name),
    options,
    signal,
    async (run) => {
      const { judge, folder } = run;
      for (const { benchmark, all, pairs } of loaded) {
        const { games, effort } = judge
          ? await played(run, judge, benchmark, pairs, options)
          : { games: await readGames(options.verdicts as string, all, pairs), effort: null };
        if (judge?.dry) continue;
        const lines = games.flatMap(verdictRows).map((row) => `${JSON.stringify(row)}\n`);
        if (folder !== null) await writeAtomically(verdictsFile(folder, benchmark.name), lines.join(''));
        if (options.saveVerdicts !== undefined) await writeAtomically(options.saveVerdicts, lines.join(''));
        const score = scoreBenchmark(benchmark, games, pairs, options.seed);
        results.push({ ...score, digest: digestOf(all), effort, published: benchmark.published });
      }
      if (judge?.dry) return printDryRun(judge.dry, options.json);
      await writeReport(run, { benchmarks: results, choices: [] }, options);
      await show(results, options);
      tellPage(run, options);
      gates(results, options.failUnder);
    },
  );
}

/** The games of a model, with a line of progress for each benchmark. */
function played(
  run: BenchRun,
  { model, options }: OpenJudge,
  benchmark: Benchmark,
  pairs: readonly BenchmarkPair[],
  { orders }: BenchOptions,
): Promise<{ games: Game[]; effort: Effort }> {
  return playAll(
    run,
    { ...benchmark, items: pairs },
    (meter) => play(model, benchmark, pairs, { ...options, orders, meter }),
    ({ pair }) => pair,
  );
}

async function show(results: readonly BenchmarkResult[], { json, markdown }: BenchOptions): Promise<void> {
  if (json) return print(`${JSON.stringify({ benchmarks: results }, null, 2)}\n`);
  if (markdown) return print(benchmarkMarkdown(results));
  const options = tableOptions(process.stdout);
  return print(results.map((result) => renderBenchmark(result, options)).join('\n'));
}
