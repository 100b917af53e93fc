import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { diskError } from '../errors.ts';
import { openSafetensors, writeSafetensors } from '../safetensors.ts';
import type { FlatTensors } from '../tensors.ts';
import type { AdamW } from './adamw.ts';

/** What writeTrainState writes, but for a header. */
export const stateBytes = (trained: FlatTensors): number => 3 * trained.flat.byteLength;

/** Write weights, moments and the number of updates to one file, which appears as a whole or not at all. Until it has,
 * they may not change. */
export async function writeTrainState(path: string, trained: FlatTensors, adamw: AdamW): Promise<void> {
  const draft = `${path}.draft`;
  const shape = [trained.flat.length];
  try {
    await writeSafetensors(draft, [
      { name: 'weights', shape, data: trained.flat },
      { name: 'm', shape, data: adamw.m },
      { name: 'v', shape, data: adamw.v },
      // A float32 counts exactly up to 2^24 updates.
      { name: 'updates', shape: [1], data: Float32Array.of(adamw.updates) },
    ]);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw diskError('write', path, error);
  }
}

/** Continue from a file of writeTrainState; false when there is none. */
export async function readTrainState(path: string, trained: FlatTensors, adamw: AdamW): Promise<boolean> {
  if (!existsSync(path)) return false;
  const file = await openSafetensors(path);
  try {
    await file.read('weights', trained.flat);
    await file.read('m', adamw.m);
    await file.read('v', adamw.v);
    adamw.updates = (await file.read('updates'))[0] as number;
    return true;
  } finally {
    await file.close();
  }
}
