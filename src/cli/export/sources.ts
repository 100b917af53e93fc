import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Resolved } from '../../config.ts';
import { EvalPlannerError } from '../../errors.ts';
import { version } from '../../package.ts';
import { type Training, trainingsOf } from '../../pipeline/planned.ts';
import { readStore } from '../../store/ledger.ts';

/** Files of rows: one that was named, or those of a run. */
export interface Given {
  readonly files: readonly string[];
  readonly run: RunRows | null;
}

/** What trained the judge of a run, as its ledger says; what its controls were trained on is left beside. */
export interface RunRows {
  readonly folder: string;
  readonly trainings: readonly (Training & { readonly file: string })[];
  readonly finished: boolean;
}

export function givenBy(source: string): Given {
  if (!existsSync(source))
    throw new EvalPlannerError('data', `cannot read ${source}`, 'check the path and its permissions');
  if (!statSync(source).isDirectory()) return { files: [source], run: null };
  const ledger = join(source, 'run.db');
  if (!existsSync(ledger))
    throw new EvalPlannerError(
      'data',
      `${source} holds no run`,
      'name the files of rows, or the folder of a run',
    );
  using store = readStore(ledger);
  const planned = trainingsOf(store, source).filter(({ stage }) => !stage.control);
  const trainings = planned.flatMap((training) =>
    training.file === null ? [] : [{ ...training, file: training.file }],
  );
  if (trainings.length === 0)
    throw new EvalPlannerError(
      'data',
      `${source} holds no training rows in data/`,
      planned.length === 0
        ? 'name the files of rows, or the folder of a run that trains'
        : 'the run has not come to its first training yet: run its command again',
    );
  const finished =
    trainings.length === planned.length && planned.every(({ record }) => record.status === 'done');
  return {
    files: trainings.map(({ file }) => file),
    run: { folder: source, trainings, finished },
  };
}

/** How the rows came to be, as far as the sources tell. */
export async function history(
  runs: readonly RunRows[],
  inputs: readonly string[],
): Promise<(readonly [string, string])[]> {
  const lines: (readonly [string, string])[] = [
    ['Written by', `evalplanner export, version ${version()}`],
    ['Sources', inputs.map((input) => basename(input)).join(', ')],
  ];
  for (const { folder, trainings } of runs) {
    const name = basename(resolve(folder));
    const text = await readFile(join(folder, 'config.json'), 'utf8').catch(() => null);
    const { preset, seed, model, config } = descriptionOf(text);
    if (seed !== undefined)
      lines.push([`Run ${name}`, `${preset === undefined ? '' : `preset ${preset}, `}seed ${seed}`]);
    if (model !== undefined) lines.push([`Seed model of ${name}`, `revision ${model}`]);
    for (const part of ['thoughts', 'preferences'] as const)
      if (config?.[part] !== undefined) lines.push([`${part} of ${name}`, JSON.stringify(config[part])]);
    for (const { file, stage } of trainings) {
      const { judge, from, how } = stage;
      lines.push([`${basename(file)} of ${name}`, `${judge} from ${from}: ${JSON.stringify(how)}`]);
    }
  }
  return lines;
}

/** As much of config.json as a card tells. */
interface Described {
  readonly preset?: string;
  readonly seed?: number;
  readonly model?: string;
  readonly config?: Partial<Pick<Resolved, 'thoughts' | 'preferences'>>;
}

/** Empty where there is none or it is damaged: the rows are the run's all the same. */
function descriptionOf(text: string | null): Described {
  try {
    return (JSON.parse(text ?? '{}') as Described | null) ?? {};
  } catch {
    return {};
  }
}
