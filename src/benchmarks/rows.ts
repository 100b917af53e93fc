import { stat } from 'node:fs/promises';
import { EvalPlannerError } from '../errors.ts';
import { isDataFile, readRows } from '../rows/read.ts';
import type { SourceRow } from '../rows/row.ts';
import { benchmarkFiles, type Named } from './files.ts';
import { oddities, type Unit } from './oddities.ts';

/** The files that a benchmark is read from; null where they are a dataset's on the hub. */
export async function filesOnDisk(benchmark: Named, data: string | undefined): Promise<string[] | null> {
  if (data === undefined) return null;
  const there = isDataFile(data) || (await stat(data).catch(() => null)) !== null;
  if (!there && (await import('../rows/hub.ts')).parseHubId(data) !== null) return null;
  return benchmarkFiles(benchmark, data);
}

/** The rows of a benchmark: of its file or folder on the disk, else of a dataset on the hub; without `data` of the benchmark's
 * own datasets there. Throws EvalPlannerError, naming what was looked for. */
export async function benchmarkRows(benchmark: Named, data: string | undefined): Promise<SourceRow[]> {
  if (data === undefined && benchmark.hub.length === 0)
    throw new EvalPlannerError(
      'usage',
      `${benchmark.title} needs its data`,
      'give its file or folder with --data',
    );
  const files = await filesOnDisk(benchmark, data);
  if (files !== null) return allRows(files);
  const { sourceFiles } = await import('../rows/sources.ts');
  const rows: SourceRow[] = [];
  // Files are all called train or test there: the dataset's name tells what rows are of.
  for (const dataset of data === undefined ? benchmark.hub : [data])
    for (const file of (await sourceFiles(dataset)).files)
      for await (const row of readRows(file)) rows.push({ ...row, file: `${row.file} of ${dataset}` });
  return rows;
}

/** All rows of some files, in memory. */
export async function allRows(files: readonly string[]): Promise<SourceRow[]> {
  const rows: SourceRow[] = [];
  for (const file of files) for await (const row of readRows(file)) rows.push(row);
  return rows;
}

/** The error of data without a row. */
export function noRows(
  { hub, counts }: Named,
  place: string | undefined,
  what: 'pairs' | 'choices',
): EvalPlannerError {
  const own = hub.length === 0 && counts.length === 0;
  return new EvalPlannerError(
    'data',
    `${place ?? hub.join(', ')} holds no ${what}`,
    own
      ? 'give a file with rows; `evalplanner bench --help` says what those of your own have'
      : 'fetch the files again',
  );
}

/** What belongs to the first `limit` prompts; everything without a limit. */
export function firstPrompts<T extends { readonly prompt: string }>(
  items: readonly T[],
  limit: number | undefined,
): readonly T[] {
  if (limit === undefined) return items;
  const prompts = new Set([...new Set(items.map(({ prompt }) => prompt))].slice(0, limit));
  return items.filter(({ prompt }) => prompts.has(prompt));
}

/** Says on stderr what is strange in the data. */
export function noteOddities({ title, counts }: Named, units: readonly Unit[]): void {
  for (const line of oddities(units, counts)) process.stderr.write(`note: ${title}: ${line}\n`);
}
