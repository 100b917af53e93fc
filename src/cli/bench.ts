import { basename, join, parse } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Benchmark, BenchmarkPair, Game } from '../benchmarks/benchmark.ts';
import type { Way } from '../benchmarks/choice.ts';
import { type Effort, Meter } from '../benchmarks/effort.ts';
import { play, verdictRows } from '../benchmarks/play.ts';
import { scoreBenchmark } from '../benchmarks/score.ts';
import { EvalPlannerError, EXIT_CODE } from '../errors.ts';
import { settings } from '../judging/settings.ts';
import {
  type BenchmarkReport,
  type BenchmarkResult,
  type JudgeFacts,
  renderBenchmarkReport,
} from '../report/benchmark-report.ts';
import { benchmarkMarkdown, renderBenchmark } from '../report/benchmark-table.ts';
import { percent } from '../report/format.ts';
import { tableOptions } from '../report/table.ts';
import { benchChoices, isChoice } from './bench-choices.ts';
import { benchmarkOf, digestOf, loadPairs, readGames, select } from './bench-data.ts';
import { type BenchDescription, checkBenchFolder, defaultFolder, verdictsFile } from './bench-folder.ts';
import { printDryRun } from './dry-run-text.ts';
import { diskFailure } from './failure.ts';
import { writeAtomically } from './files.ts';
import { type JudgeSetup, type OpenJudge, openJudge } from './open-judge.ts';
import { ProgressLine } from './progress-line.ts';
import { makeFolder } from './run-folder.ts';
import { print } from './terminal.ts';
import { version } from './version.ts';

export interface BenchOptions extends JudgeSetup {
  readonly data?: string;
  readonly verdicts?: string;
  readonly saveVerdicts?: string;
  readonly out?: string;
  readonly orders: 'official' | 'both';
  readonly way?: Way;
  readonly limit?: number;
  readonly maxChars?: number;
  readonly json?: boolean;
  readonly markdown?: boolean;
  readonly failUnder?: number;
}

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
  const description = describe(benchmarks, options);
  const folder = options.out ?? (options.verdicts === undefined ? defaultFolder(description) : null);
  try {
    await run(benchmarks, options, description, folder, signal);
  } catch (error) {
    if (folder !== null && signal.aborted && error === signal.reason) {
      const what = `stopped; what was done so far is kept in ${folder}`;
      throw new EvalPlannerError('interrupted', what, 'run the same command again to go on where it stopped');
    }
    throw diskFailure(error, folder ?? options.saveVerdicts ?? '');
  }
}

async function run(
  benchmarks: readonly Benchmark[],
  options: BenchOptions,
  description: BenchDescription,
  folder: string | null,
  signal: AbortSignal,
): Promise<void> {
  // Files that are missing or damaged are told before a folder is made or a model is asked.
  const loaded: { benchmark: Benchmark; all: BenchmarkPair[]; pairs: readonly BenchmarkPair[] }[] = [];
  for (const benchmark of benchmarks) {
    const all = await loadPairs(benchmark, options.data);
    loaded.push({ benchmark, all, pairs: select(all, options) });
  }
  const writes = folder !== null && !options.dryRun;
  if (writes) {
    checkBenchFolder(folder, description);
    makeFolder(folder);
  }
  const store = options.store ?? (folder === null ? undefined : join(folder, 'run.db'));
  const setup: JudgeSetup = { ...options, ...(store === undefined ? {} : { store }) };
  const judge = options.verdicts === undefined ? await openJudge(setup, signal) : null;
  const results: BenchmarkResult[] = [];
  try {
    const known = judge ? { ...description, revision: judge.model.revision } : description;
    if (writes) {
      checkBenchFolder(folder, known);
      await writeAtomically(join(folder, 'config.json'), `${JSON.stringify(known, null, 2)}\n`);
      makeFolder(join(folder, 'verdicts'));
    }
    for (const { benchmark, all, pairs } of loaded) {
      const { games, effort } = judge
        ? await played(judge, benchmark, pairs, options, JSON.stringify(known))
        : { games: await readGames(options.verdicts as string, all, pairs), effort: null };
      if (judge?.dry) continue;
      const lines = games.flatMap(verdictRows).map((row) => `${JSON.stringify(row)}\n`);
      if (writes) await writeAtomically(verdictsFile(folder, benchmark.name), lines.join(''));
      if (options.saveVerdicts !== undefined) await writeAtomically(options.saveVerdicts, lines.join(''));
      const score = scoreBenchmark(benchmark, games, pairs, options.seed);
      results.push({ ...score, digest: digestOf(all), effort, published: benchmark.published });
    }
    if (judge?.dry) return await printDryRun(judge.dry, options.json);
    if (writes) await writeReport(folder, report(results, options, judge));
  } finally {
    await judge?.close();
  }
  await show(results, options);
  if (writes && !options.json)
    process.stderr.write(`\nCharts and figures: ${pathToFileURL(join(folder, 'report.html')).href}\n`);
  gates(results, options);
}

function gates(results: readonly BenchmarkResult[], { failUnder }: BenchOptions): void {
  for (const { title, shares } of results) {
    if (shares.error === 0) continue;
    // No verdict of the judge, so no score of it either: what is printed is not to be taken for one.
    const remedy =
      'run the same command again, which asks for what is missing only; prompts that are too long need another model, or --max-chars';
    process.stderr.write(
      `${title}: the model did not answer ${percent(shares.error)} % of the prompts\nfix: ${remedy}\n`,
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

/** What the results are a function of, but for the judge's weights and the data. */
function describe(benchmarks: readonly Benchmark[], options: BenchOptions): BenchDescription {
  const { data, verdicts, model, planModel, prompts, form, votes, plans, ties, reask, weighted } = options;
  const { temperature, maxTokens, orders, limit, maxChars, seed } = options;
  const asked: Record<string, unknown> = {
    benchmarks: benchmarks.map(({ name }) => name).join(' '),
    ...(verdicts === undefined ? { judge: model ?? 'M0' } : { verdicts }),
    '--data': data,
    '--plan-model': planModel,
    '--prompts': prompts,
    '--form': form,
    '--votes': votes,
    '--plans': plans,
    '--ties': ties,
    '--reask': reask,
    '--weighted': weighted,
    '--temperature': temperature,
    '--max-tokens': maxTokens,
    ...(verdicts === undefined ? { '--orders': orders } : {}),
    '--limit': limit,
    '--max-chars': maxChars,
    '--seed': seed,
  };
  const given = Object.entries(asked).filter(([, value]) => value !== undefined && value !== false);
  return { kind: 'bench', asked: Object.fromEntries(given.map(([name, value]) => [name, String(value)])) };
}

/** Milliseconds between two notes of the time in the ledger. */
const NOTED = 1000;

/** The games of a model, with a line of progress for each benchmark. */
async function played(
  { model, options, ledger, dry }: OpenJudge,
  benchmark: Benchmark,
  pairs: readonly BenchmarkPair[],
  { orders }: BenchOptions,
  run: string,
): Promise<{ games: Game[]; effort: Effort }> {
  const games: Game[] = [];
  const meter = new Meter();
  const line = new ProgressLine(benchmark.title, pairs.length);
  // A ledger may serve several runs: the time is kept for this one.
  const stage = `bench ${benchmark.name} ${run}`;
  let [noted, asked] = [performance.now(), 0];
  const note = () => {
    const now = performance.now();
    // A run that is only looked at again costs nothing.
    if (!dry && meter.asked > asked) ledger?.spend(stage, (now - noted) / 1000, 0);
    [noted, asked] = [now, meter.asked];
  };
  try {
    for await (const game of play(model, benchmark, pairs, { ...options, orders, meter })) {
      games.push(game);
      line.show(games.length);
      if (performance.now() - noted > NOTED) note();
    }
  } finally {
    line.end(games.length);
    note();
  }
  // In the order of the pairs, whatever the order of the answers.
  const byPair = new Map(games.map((game) => [game.pair, game]));
  const seconds = ledger?.stage(stage)?.seconds ?? 0;
  return { games: pairs.flatMap((pair) => byPair.get(pair) ?? []), effort: meter.effort(seconds) };
}

function report(
  benchmarks: readonly BenchmarkResult[],
  { data, seed, orders, limit, maxChars, model, verdicts }: BenchOptions,
  judge: OpenJudge | null,
): BenchmarkReport {
  return {
    kind: 'bench',
    schema: 1,
    version: version(),
    node: process.versions.node,
    judge: judgeFacts(judge, model, verdicts),
    data: data ?? null,
    seed,
    selection: {
      orders: judge ? orders : 'as given',
      limit: limit ?? null,
      maxChars: maxChars ?? null,
    },
    benchmarks,
  };
}

function judgeFacts(judge: OpenJudge | null, model = 'M0', verdicts = ''): JudgeFacts {
  if (judge === null)
    return { name: parse(verdicts).name, revision: null, settings: 'verdicts made elsewhere' };
  const { form, votes, plans, ties, reask, weighted, sampling } = settings(judge.model, judge.options);
  const { temperature, topP, maxTokens } = sampling;
  const words = [
    form,
    ...(plans > 1 ? [`${plans} plans`] : []),
    ...(votes > 1 ? [`${votes} votes`] : []),
    ...(ties ? ['ties allowed'] : []),
    ...(reask ? ['invalid ones asked again'] : []),
    ...(weighted ? ['weighted by log-probabilities'] : []),
    temperature === 0 ? 'greedy' : `temperature ${temperature}, top-p ${topP}`,
    `at most ${maxTokens} tokens`,
  ];
  const name = judge.place.kind === 'folder' ? basename(model) : model;
  return { name, revision: judge.model.revision, settings: words.join(', ') };
}

async function writeReport(folder: string, report: BenchmarkReport): Promise<void> {
  await writeAtomically(join(folder, 'report.html'), renderBenchmarkReport(report));
  await writeAtomically(join(folder, 'report.json'), `${JSON.stringify(report, null, 2)}\n`);
}

async function show(results: readonly BenchmarkResult[], { json, markdown }: BenchOptions): Promise<void> {
  if (json) return print(`${JSON.stringify({ benchmarks: results }, null, 2)}\n`);
  if (markdown) return print(benchmarkMarkdown(results));
  const options = tableOptions(process.stdout);
  return print(results.map((result) => renderBenchmark(result, options)).join('\n'));
}
