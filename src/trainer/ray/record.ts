import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomically } from '../../files.ts';

/** What a training's folder remembers of a cluster: written before anything is done there, so that nothing is done twice. */
export interface RayRecord {
  /** Of the training. */
  readonly key: string;
  /** The name of its folder, and what that is in. */
  readonly place: string;
  readonly shared: string;
  /** Whether all that a job reads is there. */
  readonly whole: boolean;
  /** Of the job that was submitted last, or was about to be. */
  readonly job: string;
  /** Of the cluster that it was submitted to. */
  readonly address: string;
}

const RECORD = 'ray.json';

export function readRecord(out: string): RayRecord | null {
  try {
    return JSON.parse(readFileSync(join(out, RECORD), 'utf8')) as RayRecord;
  } catch {
    return null;
  }
}

export const writeRecord = (out: string, record: RayRecord): Promise<void> =>
  writeAtomically(join(out, RECORD), JSON.stringify(record));

export const removeRecord = (out: string): Promise<void> => rm(join(out, RECORD), { force: true });

/** A name that tells the training, and is no other's: an id is taken for good, by a job that was stopped too. */
export const nameOf = (key: string): string =>
  `evalplanner-${key.replace(/[^\w]/g, '').slice(0, 16)}-${randomBytes(4).toString('hex')}`;
