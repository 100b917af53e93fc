import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { addsOnly } from '../config/additions.ts';
import { EvalPlannerError } from '../errors.ts';
import { differences, type Json } from '../key.ts';

/** What config.json of a run folder holds, and what the ledger is a function of. */
export interface RunDescription {
  /** Of the demo. */
  readonly preset?: string;
  readonly seed: number;
  /** Revision of M0. */
  readonly model: string;
  /** Revisions of the sources, by their names. */
  readonly sources: { readonly [name: string]: Json };
  /** Its prompts, as `name version`. */
  readonly prompts: readonly string[];
  readonly config: Json;
}

/** A judge's checkpoint. */
export const checkpointFolder = (folder: string, judge: string) => join(folder, 'checkpoints', judge);
/** The folder of a judge's training, with the checkpoints written along it. */
export const stepsFolder = (folder: string, judge: string) => join(folder, 'checkpoints', 'steps', judge);
/** The rows that a judge was trained on. */
export const rowsFile = (folder: string, name: string) => join(folder, 'data', `${name}.jsonl`);

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
    const name = ({ preset, seed }: RunDescription) =>
      `${preset === undefined ? 'a config of its own' : `preset ${preset}`}, seed ${seed}`;
    throw new EvalPlannerError(
      'run',
      `${folder} holds another run: ${name(found)}, not ${name(wanted)}`,
      found.preset === undefined
        ? 'choose another folder with --out'
        : `choose another folder with --out, or continue that run with --preset ${found.preset} --seed ${found.seed}`,
    );
  }
  const changed =
    found.model !== wanted.model
      ? `seed model (${found.model}, not ${wanted.model})`
      : differences({ sources: found.sources }, { sources: wanted.sources }).some(
            (change) => !addsOnly(change),
          )
        ? 'set of instructions or held-out pairs'
        : null;
  if (changed !== null)
    throw new EvalPlannerError(
      'run',
      `${folder} holds a run with another ${changed}`,
      'choose another folder with --out to start a new run',
    );
}

/** Null where there is none, it is damaged or of an earlier version: the ledger holds the config too, and is what decides. */
function readDescription(folder: string): RunDescription | null {
  try {
    const found = JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')) as RunDescription;
    return typeof found.sources === 'object' && Number.isInteger(found.seed) ? found : null;
  } catch {
    return null;
  }
}
