import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { EvalPlannerError } from '../errors.ts';
import { makeFolder } from '../files.ts';
import { openRows, type RowWriter } from '../rows/write.ts';
import { diskFailure } from '../store/failure.ts';

/** Throws EvalPlannerError `usage` where a file that is to be written is one of those that are read. */
export function keepSources(sources: readonly string[], target: string): void {
  if (sources.some((source) => resolve(source) === resolve(target) || sameFile(source, target)))
    throw new EvalPlannerError(
      'usage',
      `${target} would overwrite a source`,
      'choose another name or folder for it',
    );
}

/** Under two names, as through a link or where the case of letters does not count. */
function sameFile(one: string, other: string): boolean {
  try {
    const [a, b] = [statSync(one, { bigint: true }), statSync(other, { bigint: true })];
    return a.isFile() && a.ino === b.ino && a.dev === b.dev;
  } catch {
    // One of them is not there, or not to be seen.
    return false;
  }
}

/** A file of rows that a command writes beside what it reads; null where none is wanted. */
export async function openOutput(
  path: string | undefined,
  sources: readonly string[],
): Promise<RowWriter | null> {
  if (path === undefined) return null;
  keepSources(sources, path);
  try {
    makeFolder(dirname(path));
    return await openRows(path);
  } catch (error) {
    throw diskFailure(error, path);
  }
}
