import { EvalPlannerError } from '../errors.ts';
import { instructionText, type Message } from '../prompts/conversation.ts';
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
export function auditRow({ value, at }: SourceRow): AuditRow {
  const error = (what: string) => new EvalPlannerError('data', `${at} ${what}`, REMEDY);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw error('is not an object');
  const row = value as Readonly<Record<string, unknown>>;
  const text = (name: string): string => {
    const found = row[name];
    if (typeof found === 'string') return found;
    // Chat formats: the turns of a prompt, the one turn of a completion.
    if (Array.isArray(found) && found.every((turn) => typeof (turn as Message)?.content === 'string'))
      return found.length === 1 ? (found[0] as Message).content : instructionOf(found as Message[], error);
    throw error(`has no text in ${name}`);
  };
  const group =
    typeof row.family === 'string' ? row.family : typeof row.domain === 'string' ? row.domain : 'all';
  if (Object.hasOwn(row, 'instruction') && Object.hasOwn(row, 'chosen'))
    return {
      kind: 'response pair',
      at,
      prompt: text('instruction'),
      chosen: text('chosen'),
      rejected: text('rejected'),
      group,
    };
  if (Object.hasOwn(row, 'chosen'))
    return {
      kind: 'preference pair',
      at,
      prompt: text('prompt'),
      chosen: text('chosen'),
      rejected: text('rejected'),
      group,
    };
  if (Object.hasOwn(row, 'completion'))
    return { kind: 'SFT row', at, prompt: text('prompt'), chosen: text('completion'), rejected: null, group };
  throw error('is no row of training data');
}

function instructionOf(turns: readonly Message[], error: (what: string) => EvalPlannerError): string {
  try {
    return instructionText(turns);
  } catch {
    throw error('has turns that do not end with the user');
  }
}
