import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeFolder, writeAtomically } from '../files.ts';

/** What `doctor --trainers` has measured on this machine. */
export interface TrainerSpeeds {
  readonly model: string;
  /** Of a step, by the names of the trainers. */
  readonly seconds: Readonly<Record<string, number>>;
}

function file(): string {
  const { XDG_CACHE_HOME: cache = join(homedir(), '.cache') } = process.env;
  return join(cache, 'evalplanner', 'trainers.json');
}

export async function writeTrainerSpeeds(speeds: TrainerSpeeds): Promise<void> {
  makeFolder(dirname(file()));
  await writeAtomically(file(), `${JSON.stringify(speeds)}\n`);
}

/** Null where nothing was measured, or it cannot be read. */
export async function readTrainerSpeeds(): Promise<TrainerSpeeds | null> {
  try {
    const { model, seconds } = JSON.parse(await readFile(file(), 'utf8')) as Partial<TrainerSpeeds>;
    return typeof model === 'string' && typeof seconds === 'object' ? { model, seconds } : null;
  } catch {
    return null;
  }
}

/** How TRL is the fastest, and how many times; null where the built-in trainer is, or nearly. */
export function fasterTrl({
  seconds,
}: TrainerSpeeds): { readonly precision: 'float32' | 'bfloat16'; readonly times: number } | null {
  const own = seconds.embedded;
  const best = (['float32', 'bfloat16'] as const)
    .flatMap((precision) => {
      const one = seconds[`TRL in ${precision}`];
      return one === undefined || own === undefined ? [] : [{ precision, times: own / one }];
    })
    .sort((a, b) => b.times - a.times)[0];
  // A fifth is within what two measurements differ by.
  return best !== undefined && best.times > 1.2 ? best : null;
}
