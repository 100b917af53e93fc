import type { SourceRow } from '../../rows/row.ts';
import { groupBy } from '../benchmark.ts';
import { benchmarkFields } from '../fields.ts';

/** An instruction of FollowBench with all its constraints up to a level. */
export interface FollowBenchRow {
  /** Which of its files it is of: content, example, format, mixed, situation, style. */
  readonly file: string;
  readonly exampleId: number;
  readonly category: string;
  readonly source: string;
  /** From 1 to 5: so many constraints were added. */
  readonly level: number;
  readonly instruction: string;
  readonly target: string;
  /** The instructions of the levels below it, from the first; those of example constraints have no level 0. */
  readonly before: readonly string[];
}

/** FollowBench's rows that have a constraint, each with what it grew from. Errors name the row. */
export function followBenchRows(rows: Iterable<SourceRow>): FollowBenchRow[] {
  const all = Array.from(rows, (row) => {
    const fields = benchmarkFields(row, 'FollowBench');
    const level = fields.number('level');
    if (!Number.isInteger(level) || level < 0 || level > 5)
      throw fields.error(`has the level ${level}, not one from 0 to 5`);
    const target = fields.value('target') ?? '';
    if (typeof target !== 'string') throw fields.error('has a target that is no text');
    return {
      file: row.file.replace(/_constraints?$/, ''),
      exampleId: fields.number('example_id'),
      category: fields.text('category'),
      source: fields.text('source'),
      level,
      // A few examples have no words before their first constraint.
      instruction: level === 0 ? String(fields.value('instruction') ?? '') : fields.text('instruction'),
      target,
    };
  });
  const grown = groupBy(all, ({ file, exampleId }) => `${file} ${exampleId}`);
  return all
    .filter(({ level }) => level > 0)
    .map((row) => ({
      ...row,
      before: (grown.get(`${row.file} ${row.exampleId}`) ?? [])
        .filter(({ level }) => level < row.level)
        .sort((a, b) => a.level - b.level)
        .map(({ instruction }) => instruction),
    }));
}
