import { answerIn, responsesOf } from '../rows/compared.ts';
import { RowFields } from '../rows/fields.ts';
import { questionOf } from '../rows/question.ts';
import type { SourceRow } from '../rows/row.ts';

/** A row of training data: a response pair, a preference pair or an SFT row. */
export interface AuditRow {
  readonly kind: 'response pair' | 'preference pair' | 'SFT row';
  /** Where it stands. */
  readonly at: string;
  /** What a benchmark's prompt would be found in. */
  readonly prompt: string;
  readonly chosen: string;
  /** Null for an SFT row. */
  readonly rejected: string | null;
  readonly group: string;
}

const REMEDY =
  'give rows {instruction, chosen, rejected}, {prompt, chosen, rejected} or {prompt, completion}';

/** Tells what a row is by its fields. Throws EvalPlannerError `data`, naming the row. */
export function auditRow(source: SourceRow): AuditRow {
  const row = new RowFields(source, REMEDY);
  const { at } = row;
  const [group = 'all'] = ['family', 'domain'].map((name) => row.value(name)).filter(isText);
  if (row.has('chosen')) {
    const { question, responses } = responsesOf(row, ['chosen', 'rejected']);
    const [chosen, rejected] = responses;
    const kind = row.has('instruction') ? 'response pair' : 'preference pair';
    return { kind, at, prompt: question.text, chosen, rejected, group };
  }
  if (row.has('completion')) {
    const prompt = questionOf(row).text;
    return { kind: 'SFT row', at, prompt, chosen: answerIn(row, 'completion'), rejected: null, group };
  }
  throw row.error('is no row of training data');
}

const isText = (value: unknown) => typeof value === 'string';
