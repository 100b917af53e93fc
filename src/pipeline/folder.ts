import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EvalPlannerError } from '../errors.ts';
import type { Json } from '../key.ts';

/** What config.json of a run folder holds. */
export interface RunDescription {
  readonly preset: string;
  readonly seed: number;
  /** Revision of M0. */
  readonly model: string;
  /** Digest of the held-out pairs. */
  readonly heldOut: string;
  readonly config: Json;
}

const OURS = ['run.db', 'config.json', 'config.json.draft'];

/** Refuse a folder that is not this run's, before anything in it is touched. */
export function checkRunFolder(folder: string, wanted: RunDescription): void {
  if (!existsSync(folder)) return;
  if (!statSync(folder).isDirectory()) {
    throw new EvalPlannerError('run', `${folder} is a file`, 'choose another folder with --out');
  }
  const files = readdirSync(folder);
  const strangers = files.filter((name) => !OURS.some((ours) => name.startsWith(ours)));
  if (!files.includes('run.db') && strangers.length > 0) {
    const message = `${folder} holds other files (${strangers.slice(0, 3).join(', ')}) and no run`;
    throw new EvalPlannerError('run', message, 'choose a new or empty folder with --out');
  }
  const found = readDescription(folder);
  if (found === null) return;
  if (found.preset !== wanted.preset || found.seed !== wanted.seed) {
    throw new EvalPlannerError(
      'run',
      `${folder} holds another run: preset ${found.preset}, seed ${found.seed}, not preset ${wanted.preset}, seed ${wanted.seed}`,
      `choose another folder with --out, or continue that run with --preset ${found.preset} --seed ${found.seed}`,
    );
  }
  for (const [name, what] of [
    ['model', 'seed model'],
    ['heldOut', 'set of held-out pairs'],
  ] as const) {
    if (found[name] !== wanted[name]) {
      throw new EvalPlannerError(
        'run',
        `${folder} holds a run with another ${what} (${found[name]}, not ${wanted[name]})`,
        'choose another folder with --out to start a new run',
      );
    }
  }
}

/** Null where there is none or it is damaged: the ledger holds the config too, and is what decides. */
function readDescription(folder: string): RunDescription | null {
  try {
    const found = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as RunDescription;
    return typeof found.preset === 'string' && Number.isInteger(found.seed) ? found : null;
  } catch {
    return null;
  }
}
