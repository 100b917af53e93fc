import { existsSync, statSync } from 'node:fs';
import { parse } from 'node:path';
import type { BenchmarkPair } from '../../../benchmarks/benchmark.ts';
import type { ChoiceBenchmark } from '../../../benchmarks/choice.ts';
import { compareChoices, compareOn, type JudgeComparison } from '../../../benchmarks/compare.ts';
import {
  benchmarkOf,
  checkData,
  choicesDigest,
  digestOf,
  loadPairs,
  readGames,
} from '../../../benchmarks/data.ts';
import { EvalPlannerError } from '../../../errors.ts';
import { renderComparisons } from '../../../report/bench/comparison-table.ts';
import type { BenchmarkReport } from '../../../report/bench/report.ts';
import { tableOptions } from '../../../report/run/table.ts';
import { print } from '../../terminal.ts';
import { choiceBenchmark, loadChoices, readChoices } from '../choices.ts';
import { readBenchReport, verdictsFile } from '../folder.ts';

export interface BenchCompareOptions {
  readonly benchmark?: string;
  readonly data?: string;
  readonly seed: number;
  readonly json?: boolean;
}

/** A folder of a bench, or a file of verdicts made anywhere. */
interface Run {
  readonly path: string;
  readonly name: string;
  /** Null for a file. */
  readonly report: BenchmarkReport | null;
}

/** `evalplanner bench compare FIRST SECOND`. */
export async function benchCompare(
  first: string,
  second: string,
  options: BenchCompareOptions,
): Promise<void> {
  const runs = [openRun(first), openRun(second)] as const;
  const names = shared(runs, options.benchmark);
  checkData(names, options.data);
  const comparisons: JudgeComparison[] = [];
  for (const name of names) {
    // A file has no data of its own, so it takes what the other one had.
    const place = options.data ?? runs.map(({ report }) => report?.data).find((data) => data != null);
    const choices = choiceBenchmark(name);
    const comparison = choices
      ? await onChoices(runs, choices, place ?? undefined, options)
      : await onPairs(runs, name, place ?? undefined, options);
    if (comparison === null)
      throw new EvalPlannerError(
        'data',
        `${first} and ${second} share no row of ${name}`,
        'judge the same ones with both: the same --limit and --max-chars',
      );
    comparisons.push(comparison);
  }
  const [one, other] = runs;
  const alike = one.name === other.name && one.path !== other.path;
  const nameOf = ({ name, path }: Run) => (alike ? `${name} (${path})` : name);
  const judges = [nameOf(one), nameOf(other)] as const;
  if (options.json)
    return print(`${JSON.stringify({ first: judges[0], second: judges[1], comparisons }, null, 2)}\n`);
  return print(renderComparisons(judges, comparisons, tableOptions(process.stdout)));
}

async function onPairs(
  runs: readonly [Run, Run],
  name: string,
  place: string | undefined,
  options: BenchCompareOptions,
): Promise<JudgeComparison | null> {
  const benchmark = benchmarkOf(name);
  const all = await loadPairs(benchmark, place);
  const one = await judgedBy(runs[0], name, all, options);
  const other = await judgedBy(runs[1], name, all, options);
  return compareOn(benchmark, one, other, options.seed);
}

async function onChoices(
  runs: readonly [Run, Run],
  benchmark: ChoiceBenchmark,
  place: string | undefined,
  { seed }: BenchCompareOptions,
): Promise<JudgeComparison | null> {
  const { name } = benchmark;
  const all = await loadChoices(benchmark, place);
  const judged = async ({ path, report }: Run) => {
    const played = report?.choices.find((result) => result.name === name);
    if (report !== null) sameData(path, name, played?.digest, choicesDigest(all));
    return readChoices(report === null ? path : verdictsFile(path, name), all);
  };
  const [one, other] = [await judged(runs[0]), await judged(runs[1])];
  if (one.way !== other.way)
    throw new EvalPlannerError(
      'usage',
      `${runs[0].path} was judged by ${one.way}, ${runs[1].path} by ${other.way}`,
      'judge both in one way: scores of different ways are different figures',
    );
  return compareChoices(benchmark, one.games, other.games, seed);
}

function openRun(path: string): Run {
  if (!existsSync(path))
    throw new EvalPlannerError(
      'usage',
      `there is no ${path}`,
      'give two folders of bench --out, or two files of verdicts',
    );
  if (!statSync(path).isDirectory()) return { path, name: parse(path).name, report: null };
  const report = readBenchReport(path);
  return { path, name: report.judge.name, report };
}

/** Benchmarks that both have, in the order of the first; what only one has is told. */
function shared(runs: readonly [Run, Run], wanted: string | undefined): string[] {
  const played = runs.map(
    ({ report }) => report && [...report.benchmarks, ...report.choices].map(({ name }) => name),
  );
  if (wanted !== undefined) {
    if (choiceBenchmark(wanted) === undefined) benchmarkOf(wanted);
    for (const [i, names] of played.entries())
      if (names !== null && !names.includes(wanted))
        throw new EvalPlannerError(
          'usage',
          `${runs[i]?.path} has not played ${wanted}`,
          `it has ${names.join(', ')}`,
        );
    return [wanted];
  }
  const [one, other] = played as [string[] | null, string[] | null];
  const folder = one ?? other;
  if (folder === null || ((one === null || other === null) && folder.length > 1))
    throw new EvalPlannerError(
      'usage',
      'a file of verdicts does not say of which benchmark they are',
      'name it: --benchmark judgebench --data DIR',
    );
  const both = folder.filter((name) => (one ?? [name]).includes(name) && (other ?? [name]).includes(name));
  if (both.length === 0)
    throw new EvalPlannerError(
      'data',
      `no benchmark was played in both: ${one?.join(', ')} and ${other?.join(', ')}`,
      'play one of them with both judges',
    );
  for (const [i, names] of played.entries())
    for (const name of names ?? [])
      if (!both.includes(name)) process.stderr.write(`only ${runs[i]?.path} has played ${name}: left out\n`);
  return both;
}

async function judgedBy(
  { path, report }: Run,
  name: string,
  all: readonly BenchmarkPair[],
  { seed }: BenchCompareOptions,
) {
  if (report === null) return { games: await readGames(path, all), seed };
  const played = report.benchmarks.find((result) => result.name === name);
  sameData(path, name, played?.digest, digestOf(all));
  return { games: await readGames(verdictsFile(path, name), all), seed: report.seed };
}

function sameData(path: string, name: string, played: string | undefined, now: string): void {
  if (played === now) return;
  throw new EvalPlannerError(
    'data',
    `${path} has judged other rows of ${name} than the files now hold`,
    'give the files that it judged with --data',
  );
}
