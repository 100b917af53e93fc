/** A download that is under way: published on the diagnostics channel DOWNLOADS at its start, whenever more has come, and at its
 * end. */
export interface Download {
  readonly id: string;
  /** Bytes. */
  readonly total: number;
  done: number;
  ended: boolean;
  /** Ends it; what has come is kept, and the next one goes on from there. */
  abort(reason: unknown): void;
}

export const DOWNLOADS = 'evalplanner:download' as const;
