import type { EvalPlannerError } from '../errors.ts';

/** A row of a data file, and where it stands, for error messages. */
export interface SourceRow {
  readonly value: unknown;
  /** The file's name without folder and extensions. */
  readonly file: string;
  /** `pairs.jsonl, line 12`. */
  readonly at: string;
}

export interface ReadOptions {
  /** What becomes of a row that cannot be read: it ends the reading (`stop`, the default), or is handed to `onBadRow` and left
   * out, with the number of rows that it stands for. Of a damaged file the rows before the damage are taken, and the damage is one
   * bad row; in Parquet a damaged row group is as many, and the others are taken. A file that is not there always ends it. */
  readonly onError?: 'stop' | 'skip';
  readonly onBadRow?: (error: EvalPlannerError, rows: number) => void;
}

/** Longest line of a text file, in bytes: a file without line ends is not read into memory. */
export const MAX_LINE_BYTES = 64 * 2 ** 20;
