import type { LedgerReader, StageRecord } from '../store.ts';
import type { Stage } from './stage.ts';

/** A stage of the method, and how far the ledger says it is. */
export interface Planned<S extends Stage = Stage> {
  readonly stage: S;
  readonly record: StageRecord;
}

/** The stages of a kind that the ledger of a run was told of, in their order. */
export function plannedStages<K extends Stage['kind']>(
  store: Pick<LedgerReader, 'stages'>,
  kind: K,
): Planned<Extract<Stage, { readonly kind: K }>>[] {
  return store
    .stages()
    .filter((record) => record.kind === kind)
    .map((record) => ({
      stage: record.plan as unknown as Extract<Stage, { readonly kind: K }>,
      record,
    }));
}
