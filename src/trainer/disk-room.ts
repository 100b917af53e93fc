import { readdir, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { EvalPlannerError } from '../errors.ts';
import type { TrainingFolder } from './folder.ts';

/** Sizes in bytes. */
export interface DiskNeed {
  readonly checkpoint: number;
  readonly state: number;
}

/** The room that a training takes at most: its checkpoints, a state, and the next one that is written beside it. Throws EvalPlannerError
 * `disk` where there is less, what is there already of this training counted in. */
export async function checkRoom(
  out: string,
  folder: Pick<TrainingFolder, 'state' | 'checkpoint'>,
  kept: readonly number[],
  { checkpoint, state }: DiskNeed,
): Promise<number> {
  const need = kept.length * checkpoint + 2 * state;
  const own = [folder.state, `${folder.state}.draft`, ...kept.map((step) => folder.checkpoint(step))];
  const sizes = await Promise.all(own.map(sizeOf));
  // Some drives do not say what they have.
  const disk = await statfs(out).catch(() => null);
  if (!disk || disk.blocks === 0) return need;
  const room = disk.bavail * disk.bsize + sizes.reduce((sum, size) => sum + size, 0);
  if (room < need)
    throw new EvalPlannerError(
      'disk',
      `training in ${out} takes up to ${megabytes(need)} MB of its disk, where it may have ${megabytes(room)} MB`,
      'free some space there, keep fewer checkpoints, train an adapter (LoRA), or choose a folder on another disk',
    );
  return need;
}

export const megabytes = (bytes: number): string => Math.ceil(bytes / 1e6).toLocaleString('en');

/** Of a file, or of all files of a folder; 0 where there is none. */
async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => null);
  if (!found?.isDirectory()) return found?.size ?? 0;
  const sizes = await Promise.all((await readdir(path)).map((name) => sizeOf(join(path, name))));
  return sizes.reduce((sum, size) => sum + size, 0);
}
