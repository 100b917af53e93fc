import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** Create the folder and those above it. Not mkdir's `recursive`, which never returns in Node 24 below /proc. */
export function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another process may have been faster.
    if (!existsSync(folder)) throw error;
  }
}
