import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { EvalPlannerError } from '../errors.ts';
import { SEED_FOLDER } from '../package.ts';
import type { Benchmark, BenchmarkPair, Game } from './benchmark.ts';
import type { BenchmarkChoice } from './choice.ts';
import { CHOICE_BENCHMARKS } from './choice-names.ts';
import { BENCHMARKS } from './names.ts';
import { allRows, benchmarkRows, firstPrompts, noRows, noteOddities } from './rows.ts';
import { joinVerdicts } from './verdicts.ts';

export function benchmarkOf(name: string): Benchmark {
  const found = BENCHMARKS.find((benchmark) => benchmark.name === name);
  if (found) return found;
  const known = [...BENCHMARKS, ...CHOICE_BENCHMARKS].map((benchmark) => benchmark.name).join(', ');
  throw new EvalPlannerError('usage', `there is no benchmark called ${name}`, `choose one of ${known}`);
}

/** Where a benchmark's data are: as --data says, but for the playground, whose pairs come with the package. */
export function dataPlace({ name }: Benchmark, data: string | undefined): string | undefined {
  return name === 'playground' ? join(SEED_FOLDER, 'heldout') : data;
}

/** Throws EvalPlannerError `usage` where --data is given and none of the benchmarks takes it. */
export function checkData(names: readonly string[], data: string | undefined): void {
  if (data === undefined || names.some((name) => name !== 'playground')) return;
  throw new EvalPlannerError(
    'usage',
    '--data is not for the playground, whose pairs come with the package',
    'leave it out, or bench a file of your own as custom',
  );
}

/** All pairs of a benchmark from its file, folder or dataset on the hub; without one from its own dataset, the playground's
 * from the package. Says on stderr what is strange in them. */
export async function loadPairs(benchmark: Benchmark, data?: string): Promise<BenchmarkPair[]> {
  const place = dataPlace(benchmark, data);
  const pairs = benchmark.load(await benchmarkRows(benchmark, place));
  if (pairs.length === 0) throw noRows(benchmark, place, 'pairs');
  noteOddities(
    benchmark,
    pairs.map(({ id, section, first, second }) => ({ id, section, responses: [first, second] })),
  );
  return pairs;
}

/** Of pairs that are short enough, those of the first `limit` prompts. */
export function select(
  pairs: readonly BenchmarkPair[],
  { limit, maxChars }: { readonly limit?: number; readonly maxChars?: number },
): readonly BenchmarkPair[] {
  const fitting =
    maxChars === undefined
      ? pairs
      : pairs.filter(
          ({ instruction, first, second }) => instruction.length + first.length + second.length <= maxChars,
        );
  if (fitting.length === 0) {
    const shortest = pairs.reduce(
      (least, { instruction, first, second }) =>
        Math.min(least, instruction.length + first.length + second.length),
      Number.POSITIVE_INFINITY,
    );
    const what = `no pair has at most ${maxChars} characters; the shortest has ${shortest}`;
    throw new EvalPlannerError('data', what, 'raise --max-chars');
  }
  return firstPrompts(fitting, limit);
}

/** The verdicts of a file about some of a benchmark's pairs. */
export async function readGames(
  file: string,
  all: readonly BenchmarkPair[],
  wanted: readonly BenchmarkPair[] = all,
): Promise<Game[]> {
  const { games } = joinVerdicts(all, await allRows([file]));
  const own = new Set(wanted);
  const found = games.filter(({ pair }) => own.has(pair));
  if (found.length > 0) return found;
  throw new EvalPlannerError('data', `${file} holds no verdict`, 'give rows {id, order, verdict}');
}

/** Tells whether two runs saw the same pairs. */
export function digestOf(pairs: readonly BenchmarkPair[]): string {
  return digest(
    pairs.map(({ id, instruction, first, second, gold }) => [id, instruction, first, second, gold]),
  );
}

/** The same of choices among n. */
export function choicesDigest(choices: readonly BenchmarkChoice[]): string {
  return digest(choices.map(({ id, instruction, responses, right }) => [id, instruction, responses, right]));
}

function digest(items: readonly unknown[]): string {
  const hash = createHash('sha256');
  for (const item of items) hash.update(JSON.stringify(item));
  return hash.digest('hex').slice(0, 16);
}
