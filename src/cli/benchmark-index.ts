import { stat } from 'node:fs/promises';
import { BenchmarkIndex } from '../audit/contamination.ts';
import { CHOICE_BENCHMARKS } from '../benchmarks/choice-names.ts';
import { benchmarkFiles } from '../benchmarks/files.ts';
import { BENCHMARKS } from '../benchmarks/names.ts';
import { EvalPlannerError } from '../errors.ts';
import { allRows } from './bench-rows.ts';

/** Names for a user's own files, and what comes with the package: nobody else's prompts. */
const OWN = new Set(['custom', 'custom-k', 'playground']);

/** The prompts of every benchmark whose files are in a folder. */
export async function benchmarkIndex(folder: string): Promise<BenchmarkIndex> {
  const index = new BenchmarkIndex();
  if (!(await stat(folder).catch(() => null))?.isDirectory())
    throw new EvalPlannerError('data', `${folder} is no folder`, 'name the folder that holds the benchmarks');
  const found: string[] = [];
  for (const benchmark of [...BENCHMARKS, ...CHOICE_BENCHMARKS]) {
    if (OWN.has(benchmark.name)) continue;
    const files = await benchmarkFiles(benchmark, folder).catch((error: unknown) => {
      // It is not there: no other fault comes as an error of ours.
      if (error instanceof EvalPlannerError) return [];
      throw error;
    });
    if (files.length === 0) continue;
    for (const { id, instruction } of benchmark.load(await allRows(files)))
      index.add(benchmark.name, id, instruction);
    found.push(benchmark.title);
  }
  if (found.length === 0) {
    const known = [...BENCHMARKS, ...CHOICE_BENCHMARKS].map(({ title }) => title).join(', ');
    throw new EvalPlannerError(
      'data',
      `${folder} holds no benchmark`,
      `put the files of any of ${known} there`,
    );
  }
  process.stderr.write(`looking for ${index.size} prompts of ${found.join(', ')}\n`);
  return index;
}
