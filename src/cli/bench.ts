import { join } from 'node:path';
import type { Benchmark, BenchmarkPair, Game } from '../benchmarks/benchmark.ts';
import type { Way } from '../benchmarks/choice.ts';
import { CHOICE_BENCHMARKS } from '../benchmarks/choice-names.ts';
import { benchmarkFiles } from '../benchmarks/files.ts';
import { type Comparison, compareJudges } from '../benchmarks/metrics.ts';
import { BENCHMARKS } from '../benchmarks/names.ts';
import { play, verdictRows } from '../benchmarks/play.ts';
import { type BenchmarkScore, recordsOf, scoreBenchmark } from '../benchmarks/score.ts';
import { joinVerdicts } from '../benchmarks/verdicts.ts';
import { EvalPlannerError, EXIT_CODE } from '../errors.ts';
import { benchmarkMarkdown, renderBenchmark } from '../report/benchmark-table.ts';
import { percent } from '../report/format.ts';
import { tableOptions } from '../report/table.ts';
import { readRows } from '../rows/read.ts';
import type { SourceRow } from '../rows/row.ts';
import { ORDERS } from '../types.ts';
import { benchChoices, isChoice } from './bench-choices.ts';
import { printDryRun } from './dry-run-text.ts';
import { writeAtomically } from './files.ts';
import { type JudgeSetup, type OpenJudge, openJudge } from './open-judge.ts';
import { SEED_FOLDER } from './ports.ts';
import { ProgressLine } from './progress-line.ts';
import { print } from './terminal.ts';

export interface BenchOptions extends JudgeSetup {
  readonly data?: string;
  readonly verdicts?: string;
  readonly saveVerdicts?: string;
  readonly against?: string;
  readonly orders: 'official' | 'both';
  readonly way?: Way;
  readonly limit?: number;
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
  const benchmarks = names.map(benchmarkOf);
  const files = [options.verdicts, options.saveVerdicts, options.against].some((file) => file !== undefined);
  if (files && benchmarks.length > 1) {
    const remedy = `score them one by one, e.g. evalplanner bench ${names[0]} --verdicts FILE`;
    throw new EvalPlannerError('usage', 'a file of verdicts belongs to one benchmark', remedy);
  }
  if (options.verdicts !== undefined && options.model !== undefined)
    throw new EvalPlannerError('usage', 'verdicts and a model were given', 'give one of them');
  const judge = options.verdicts === undefined ? await openJudge(options, signal) : null;
  const results: Result[] = [];
  try {
    for (const benchmark of benchmarks) {
      const all = await load(benchmark, options);
      const pairs = firstPrompts(all, options.limit);
      const read = async (file: string): Promise<Game[]> => {
        const wanted = new Set(pairs);
        return joinVerdicts(all, await allRows(file)).games.filter(({ pair }) => wanted.has(pair));
      };
      const games = judge
        ? await played(judge, benchmark, pairs, options)
        : await read(options.verdicts as string);
      if (games.length === 0)
        throw new EvalPlannerError(
          'data',
          `${options.verdicts} holds no verdict`,
          'give rows {id, order, verdict}',
        );
      const score = scoreBenchmark(benchmark, games, pairs, options.seed);
      const against = options.against === undefined ? null : await read(options.against);
      results.push({ ...score, ...(against ? { against: compared(games, against, options) } : {}) });
      if (options.saveVerdicts !== undefined && !judge?.dry) {
        const lines = games.flatMap(verdictRows).map((row) => `${JSON.stringify(row)}\n`);
        await writeAtomically(options.saveVerdicts, lines.join(''));
      }
    }
  } finally {
    await judge?.close();
  }
  if (judge?.dry) return printDryRun(judge.dry, options.json);
  await show(results, options);
  for (const { title, shares } of results) {
    if (shares.error === 0) continue;
    // No verdict of the judge, so no score of it either: what is printed is not to be taken for one.
    const remedy =
      'run the same command again, with --store FILE to ask for what is missing only; prompts that are too long need another model';
    process.stderr.write(
      `${title}: the model did not answer ${percent(shares.error)} % of the prompts\nfix: ${remedy}\n`,
    );
    process.exitCode = EXIT_CODE.model;
    return;
  }
  for (const { title, official } of results) {
    const gate = options.failUnder;
    if (gate === undefined || official.score >= gate) continue;
    process.stderr.write(`${title} scored ${official.score.toFixed(4)}, below --fail-under ${gate}\n`);
    process.exitCode = 1;
  }
}

type Result = BenchmarkScore & { readonly against?: Comparison & { readonly pairs: number } };

/** Exact McNemar on the pairs that both have judged in both orders. */
function compared(own: readonly Game[], other: readonly Game[], { against }: BenchOptions) {
  const twice = (games: readonly Game[]) =>
    games.filter(({ verdicts }) => ORDERS.every((order) => verdicts[order] !== undefined));
  const theirs = new Map(twice(other).map((game) => [game.pair, game]));
  const shared = twice(own).filter(({ pair }) => theirs.has(pair));
  if (shared.length === 0) {
    const what = `no pair was judged in both orders here and in ${against}`;
    throw new EvalPlannerError('data', what, 'judge both with --orders both');
  }
  const matched = shared.map(({ pair }) => theirs.get(pair) as Game);
  return { ...compareJudges(recordsOf(shared), recordsOf(matched)), pairs: shared.length };
}

/** The games of a model, with a line of progress for each benchmark. */
async function played(
  { model, options }: OpenJudge,
  benchmark: Benchmark,
  pairs: readonly BenchmarkPair[],
  { orders }: BenchOptions,
): Promise<Game[]> {
  const games: Game[] = [];
  const line = new ProgressLine(benchmark.title, pairs.length);
  try {
    for await (const game of play(model, benchmark, pairs, { ...options, orders })) {
      games.push(game);
      line.show(games.length);
    }
  } finally {
    line.end(games.length);
  }
  // In the order of the pairs, whatever the order of the answers.
  const byPair = new Map(games.map((game) => [game.pair, game]));
  return pairs.flatMap((pair) => byPair.get(pair) ?? []);
}

function benchmarkOf(name: string): Benchmark {
  const found = BENCHMARKS.find((benchmark) => benchmark.name === name);
  if (found) return found;
  const known = [...BENCHMARKS, ...CHOICE_BENCHMARKS].map((benchmark) => benchmark.name).join(', ');
  throw new EvalPlannerError('usage', `there is no benchmark called ${name}`, `choose one of ${known}`);
}

async function load(
  benchmark: Benchmark,
  { data = home(benchmark) }: BenchOptions,
): Promise<BenchmarkPair[]> {
  const rows: SourceRow[] = [];
  for (const file of await benchmarkFiles(benchmark, data)) rows.push(...(await allRows(file)));
  const pairs = benchmark.load(rows);
  if (pairs.length === 0)
    throw new EvalPlannerError('data', `${data} holds no pairs`, 'fetch the files again');
  return pairs;
}

/** Only the playground's pairs come with the package. */
function home({ name, title }: Benchmark): string {
  if (name === 'playground') return join(SEED_FOLDER, 'heldout');
  throw new EvalPlannerError('usage', `${title} needs its data`, 'give its file or folder with --data');
}

function firstPrompts(pairs: readonly BenchmarkPair[], limit: number | undefined): readonly BenchmarkPair[] {
  if (limit === undefined) return pairs;
  const prompts = new Set([...new Set(pairs.map(({ prompt }) => prompt))].slice(0, limit));
  return pairs.filter(({ prompt }) => prompts.has(prompt));
}

async function allRows(path: string): Promise<SourceRow[]> {
  const rows: SourceRow[] = [];
  for await (const row of readRows(path)) rows.push(row);
  return rows;
}

async function show(scores: readonly Result[], { json, markdown }: BenchOptions): Promise<void> {
  if (json) return print(`${JSON.stringify({ benchmarks: scores }, null, 2)}\n`);
  if (markdown) return print(benchmarkMarkdown(scores));
  const options = tableOptions(process.stdout);
  const tables = scores.map(
    (score) => `${renderBenchmark(score, benchmarkOf(score.name).published, options)}${againstLine(score)}`,
  );
  return print(tables.join('\n'));
}

function againstLine({ against }: Result): string {
  if (!against) return '';
  const { firstOnly, secondOnly, p, pairs } = against;
  return `\nRight in both orders here only ${firstOnly}, there only ${secondOnly}, of ${pairs} pairs: exact McNemar p = ${p.toPrecision(2)}\n`;
}
