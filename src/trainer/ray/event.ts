import type { ErrorCode } from '../../errors.ts';
import type { TrainStep } from '../../trainer.ts';

/** What one node of a cluster says of itself. */
export interface NodeReport {
  readonly node: string;
  /** What it read. */
  readonly text?: string;
  readonly error?: string;
  readonly versions?: Readonly<Record<string, string | null>>;
}

/** What the Python side prints, a line each. */
export type TrainerEvent =
  | ({ readonly type: 'step' } & TrainStep)
  | { readonly type: 'failure'; readonly code: ErrorCode; readonly message: string; readonly remedy: string }
  | { readonly type: 'nodes'; readonly nodes: readonly NodeReport[] }
  | { readonly type: 'done' };

/** The event of a line of a job's log; null for what else is in it. */
export function eventOf(line: string): TrainerEvent | null {
  // A library may have begun the line and not ended it.
  const at = line.indexOf('{"type": "');
  if (at < 0) return null;
  try {
    return JSON.parse(line.slice(at)) as TrainerEvent;
  } catch {
    return null;
  }
}
