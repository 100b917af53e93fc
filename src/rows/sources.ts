import { glob, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EvalPlannerError } from '../errors.ts';
import { hubFiles, parseHubId } from './hub.ts';
import { isDataFile, readRows } from './read.ts';
import type { ReadOptions, SourceRow } from './row.ts';

/** What a source turned out to be. */
export interface SourceFiles {
  readonly files: readonly string[];
  /** The commit, of a dataset on the hub. */
  readonly commit?: string;
}

/** The files of a source: a file, `-` for standard input, a folder (all data files below it), a glob (`data/*.jsonl.gz`), or a
 * dataset on the hub, `OWNER/NAME[:CONFIG[/SPLIT]][@REVISION]`. What lies on the disk goes first.
 * Throws EvalPlannerError `data` or `network`. */
export async function sourceFiles(source: string): Promise<SourceFiles> {
  if (source === '-') return { files: ['-'] };
  const found = await stat(source).catch(() => null);
  if (found?.isDirectory()) {
    const names = await readdir(source, { recursive: true });
    const files = names.filter(isDataFile).sort();
    if (files.length === 0)
      throw new EvalPlannerError(
        'data',
        `${source} holds no data files`,
        'name the files, or another folder',
      );
    return { files: files.map((name) => join(source, name)) };
  }
  if (found) return { files: [source] };
  if (/[*?{[]/.test(source)) {
    const files: string[] = [];
    for await (const name of glob(source)) if (isDataFile(name)) files.push(name);
    files.sort();
    if (files.length === 0)
      throw new EvalPlannerError(
        'data',
        `no data file matches ${source}`,
        'check the pattern; quote it, so that the shell leaves it alone',
      );
    return { files };
  }
  const dataset = isDataFile(source) ? null : parseHubId(source);
  if (dataset) return hubFiles(dataset);
  throw new EvalPlannerError(
    'data',
    `cannot read ${source}`,
    'check the path; a dataset on the hub is written as OWNER/NAME',
  );
}

/** The rows of a source, file after file, streamed. */
export async function* readSource(source: string, options: ReadOptions = {}): AsyncGenerator<SourceRow> {
  const { files } = await sourceFiles(source);
  for (const file of files) yield* readRows(file, options);
}
