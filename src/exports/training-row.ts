import { EvalPlannerError } from '../errors.ts';
import type { SourceRow } from '../rows/row.ts';
import type { PreferenceRow, SftRow } from '../types.ts';

/** A row that a model is trained on, and of which kind it is. */
export type TrainingRow = ({ readonly kind: 'sft' } & SftRow) | ({ readonly kind: 'dpo' } & PreferenceRow);

/** Reads a row of SFT `{prompt, completion}` or of preferences `{prompt, chosen, rejected}`; texts, or lists of one message each
 * as `export` writes them. Throws EvalPlannerError `data`, naming file and row. */
export function trainingRow({ value, at }: SourceRow): TrainingRow {
  const bad = (what: string) => {
    const remedy = 'give rows {prompt, completion} for SFT, or {prompt, chosen, rejected} for DPO';
    return new EvalPlannerError('data', `${at} ${what}`, remedy);
  };
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw bad('is not an object');
  const row = value as Readonly<Record<string, unknown>>;
  const text = (name: string): string => {
    const found = textOf(row[name]);
    if (found === null || found.trim() === '') throw bad(`has no text ${name}`);
    return found;
  };
  if (row.prompt === undefined && textOf(row.instruction) !== null && textOf(row.chosen) !== null)
    throw bad('is a response pair, and no thought about one');
  const prompt = text('prompt');
  if (row.completion !== undefined && row.completion !== null)
    return { kind: 'sft', prompt, completion: text('completion') };
  return { kind: 'dpo', prompt, chosen: text('chosen'), rejected: text('rejected') };
}

function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value) || value.length !== 1) return null;
  const { content } = (value[0] ?? {}) as { readonly content?: unknown };
  return typeof content === 'string' ? content : null;
}
