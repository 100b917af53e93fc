import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { LedgerReader, StageRecord } from '../store.ts';
import type { Stage } from './stage.ts';

/** Whether a stage is done as it is planned now: one that was done otherwise has to be done again. */
export function isDone(stage: Stage, record: StageRecord | undefined): boolean {
  return record?.status === 'done' && JSON.stringify(record.plan) === JSON.stringify(stage);
}

type StageOf<K extends Stage['kind']> = Extract<Stage, { readonly kind: K }>;

/** A stage of the method, and how far the ledger says it is. */
export interface Planned<K extends Stage['kind']> {
  readonly stage: StageOf<K>;
  readonly record: StageRecord;
}

/** The stages of a kind that the ledger of a run was told of, in their order. */
export function plannedStages<K extends Stage['kind']>(
  store: Pick<LedgerReader, 'stages'>,
  kind: K,
): Planned<K>[] {
  return store
    .stages()
    .filter((record) => record.kind === kind)
    .map((record) => ({ stage: record.plan as unknown as StageOf<K>, record }));
}

export interface Training extends Planned<'train'> {
  /** Of its rows; null where it is not there. */
  readonly file: string | null;
}

/** The trainings of a run, controls too, with the files of their rows in the run's folder. */
export function trainingsOf(store: Pick<LedgerReader, 'stages'>, folder: string): Training[] {
  return plannedStages(store, 'train').map((planned) => {
    const file = ['jsonl', 'parquet']
      .map((extension) => join(folder, 'data', `${planned.stage.rows}.${extension}`))
      .find((path) => existsSync(path));
    return { ...planned, file: file ?? null };
  });
}
