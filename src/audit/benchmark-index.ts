import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CHOICE_BENCHMARKS } from '../benchmarks/choice-names.ts';
import { playground } from '../benchmarks/custom.ts';
import { benchmarkVersions, type Named } from '../benchmarks/files.ts';
import { followBenchRows } from '../benchmarks/followbench/row.ts';
import { BENCHMARKS } from '../benchmarks/names.ts';
import { allRows } from '../benchmarks/rows.ts';
import { EvalPlannerError } from '../errors.ts';
import { SEED_FOLDER } from '../package.ts';
import type { SourceRow } from '../rows/row.ts';
import { BenchmarkIndex } from './contamination.ts';

/** Anything with prompts that nobody should train on. */
interface Prompts extends Pick<Named, 'name' | 'title' | 'files' | 'hub' | 'counts'> {
  load(rows: Iterable<SourceRow>): Iterable<{ readonly id: string; readonly instruction: string }>;
}

/** Prompts, and the files of each version of them that is there. */
export interface Installed {
  readonly benchmark: Prompts;
  readonly versions: readonly (readonly string[])[];
}

/** What FollowBenchEval is built from. */
const followbench: Prompts = {
  name: 'followbench',
  title: 'FollowBench',
  files: [/^(?:content|example|format|mixed|situation|style)_constraints?$/],
  hub: [],
  counts: [],
  load: (rows) =>
    followBenchRows(rows).map(({ file, exampleId, level, instruction }) => ({
      id: `${file}:${exampleId}:${level}`,
      instruction,
    })),
};

/** Names for a user's own files, and what comes with the package: a folder's files are not looked through for them. */
const OWN = new Set(['custom', 'custom-k', 'playground']);
const KNOWN: readonly Prompts[] = [
  ...[...BENCHMARKS, ...CHOICE_BENCHMARKS].filter(({ name }) => !OWN.has(name)),
  followbench,
];

/** What comes with the package: the pairs that judges of the playground are measured on. */
export function shippedBenchmark(): Installed {
  return { benchmark: playground, versions: [[join(SEED_FOLDER, 'heldout', 'test.jsonl')]] };
}

/** Every benchmark whose files are in a folder. Throws EvalPlannerError `data` where none is. */
export async function installedBenchmarks(folder: string): Promise<Installed[]> {
  if (!(await stat(folder).catch(() => null))?.isDirectory())
    throw new EvalPlannerError('data', `${folder} is no folder`, 'name the folder that holds the benchmarks');
  const installed: Installed[] = [];
  for (const benchmark of KNOWN) {
    const versions = await benchmarkVersions(benchmark, folder).catch((error: unknown) => {
      // It is not there: no other fault comes as an error of ours.
      if (error instanceof EvalPlannerError) return [];
      throw error;
    });
    if (versions.length > 0) installed.push({ benchmark, versions });
  }
  if (installed.length > 0) return installed;
  throw new EvalPlannerError(
    'data',
    `${folder} holds no benchmark`,
    `put the files of any of ${KNOWN.map(({ title }) => title).join(', ')} there`,
  );
}

/** The prompts of benchmarks, beside those of an index that there is. */
export async function benchmarkIndex(
  installed: readonly Installed[],
  index = new BenchmarkIndex(),
): Promise<BenchmarkIndex> {
  for (const { benchmark, versions } of installed)
    for (const files of versions)
      for (const { id, instruction } of await promptsOf(benchmark, files))
        index.add(benchmark.name, id, instruction);
  return index;
}

async function promptsOf(benchmark: Prompts, files: readonly string[]) {
  const rows = await allRows(files);
  try {
    return [...benchmark.load(rows)];
  } catch (error) {
    if (!(error instanceof EvalPlannerError)) throw error;
    // Files of other data may be called as a benchmark's are: test.jsonl.
    throw new EvalPlannerError(
      error.code,
      `${error.message}; it was read as ${benchmark.title}, by the name of the file`,
      'keep benchmarks in folders of their own, apart from other data',
      error,
    );
  }
}
