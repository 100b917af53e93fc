import type { EvalPlannerError } from '../../errors.ts';
import type { Pair, Winner } from '../../judging/judgment.ts';
import { compared } from '../../rows/compared.ts';
import { costsRow, RowFields } from '../../rows/fields.ts';
import { readRows } from '../../rows/read.ts';
import type { SourceRow } from '../../rows/row.ts';

/** What `judge FILE` reads of a row: a pair, with the verdict that it should get where the file says so. */
export interface PairRow {
  readonly at: string;
  readonly pair: Pair;
  readonly gold: Winner | null;
}

/** A row that is no pair, in its place among the others. */
export interface BadRow {
  readonly error: EvalPlannerError;
  /** As many stand in its place. */
  readonly rows: number;
}

const REMEDY =
  'give rows with instruction, a and b (or chosen and rejected), and gold (A, B or tie) where it is known; or leave such rows out with --on-error skip';

/** The pairs of a file or of standard input (`-`), streamed. With `skip` a row that is none comes as an error in its place;
 * with `stop` it ends the reading, but for one whose conversations part before their last answer. */
export async function* pairRows(path: string, onError: 'stop' | 'skip'): AsyncGenerator<PairRow | BadRow> {
  const bad: BadRow[] = [];
  for await (const row of readRows(path, { onError, onBadRow: (error, rows) => bad.push({ error, rows }) })) {
    yield* bad.splice(0);
    try {
      yield pairRow(row);
    } catch (error) {
      if (!costsRow(error, onError)) throw error;
      yield { error, rows: 1 };
    }
  }
  yield* bad;
}

/** One row as a pair. Throws EvalPlannerError (`data`), naming file and row. */
export function pairRow(source: SourceRow): PairRow {
  const row = new RowFields(source, REMEDY);
  const { question, responses, gold } = compared(row);
  const name = ['id', 'pair_id'].find((one) => !row.isBlank(one));
  const id = name === undefined ? {} : { id: row.id(name) };
  const instruction = question.conversation ?? question.text;
  return { at: row.at, pair: { ...id, instruction, responses }, gold };
}
