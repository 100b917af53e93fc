import { RowFields } from '../rows/fields.ts';
import type { SourceRow } from '../rows/row.ts';

/** What to do about a row of a file of one's own. */
export const YOUR_OWN = 'correct the row: `evalplanner bench --help` says what such a file has';

/** A published benchmark as its rows are told from those of the others. */
interface Kind {
  readonly name: string;
  readonly title: string;
  fits(row: RowFields): boolean;
}

const has = (row: RowFields, ...names: string[]) => names.every((name) => row.has(name));
const isText = (row: RowFields, name: string) => typeof row.value(name) === 'string';
/** A list, or RM-Bench's list literal in a text. */
const isTexts = (row: RowFields, name: string) => row.isList(name) || /^\s*\[/.test(String(row.value(name)));
const REWARDBENCH_2 = new Set(['Factuality', 'Precise IF', 'Math', 'Safety', 'Focus', 'Ties']);

const KINDS: readonly Kind[] = [
  {
    name: 'rewardbench-2',
    title: 'RewardBench 2',
    fits: (row) => isTexts(row, 'chosen') && REWARDBENCH_2.has(String(row.value('subset'))),
  },
  {
    name: 'rm-bench',
    title: 'RM-Bench',
    fits: (row) => isTexts(row, 'chosen') && isTexts(row, 'rejected') && !has(row, 'num_correct'),
  },
  {
    name: 'followbench-eval',
    title: 'FollowBenchEval',
    fits: (row) => has(row, 'example', 'level', 'verified', 'chosen'),
  },
  {
    name: 'rewardbench',
    title: 'RewardBench',
    fits: (row) => has(row, 'subset', 'prompt') && isText(row, 'chosen') && isText(row, 'rejected'),
  },
  {
    name: 'judgebench',
    title: 'JudgeBench',
    fits: (row) => has(row, 'pair_id', 'response_A', 'response_B'),
  },
  {
    name: 'llmbar',
    title: 'LLMBar',
    fits: (row) => has(row, 'input', 'output_1', 'output_2'),
  },
  {
    name: 'ppe-correctness',
    title: 'PPE correctness',
    fits: (row) => has(row, 'response_1') && row.isList('scores'),
  },
  {
    name: 'ppe-preference',
    title: 'PPE human preference',
    fits: (row) => has(row, 'response_1', 'response_2', 'winner'),
  },
];

/** A row of a published benchmark. Throws EvalPlannerError `data` where its fields are those of another one: files are called
 * alike, and the figures of one are not the other's. */
export function benchmarkFields(row: SourceRow, name: string): RowFields {
  const own = KINDS.find((kind) => kind.name === name);
  const title = own?.title ?? name;
  const remedy = `give the published files of ${title}, or map another schema with the custom benchmark`;
  const fields = new RowFields(row, remedy);
  if (own === undefined || own.fits(fields)) return fields;
  const other = KINDS.find((kind) => kind.fits(fields));
  if (other === undefined) return fields;
  throw fields.error(`is a row of ${other.title}, not of ${title}`, `bench it as ${other.name}`);
}

/** The part of a file of one's own that a row belongs to. */
export function sectionOf(row: RowFields): string {
  const name = ['subset', 'domain', 'category'].find((one) => !row.isBlank(one));
  return (name === undefined ? undefined : row.optional(name)) ?? 'all';
}
