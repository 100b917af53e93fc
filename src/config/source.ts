import { z } from 'zod';
import type { Source } from '../source.ts';
import { count, has, places, share, whole } from './parts.ts';

const rejected = z.enum(['modified', 'nearest', 'other']);

export const source = z.strictObject({
  kind: z
    .enum(['general', 'math', 'pairs'])
    .describe('general: instructions; math: questions with answers; pairs: finished pairs.'),
  from: z
    .union([places, z.custom<readonly object[]>(areRows), z.custom<Source>(isSource)])
    .describe(
      'Files, folders, globs, data sets of the hub (OWNER/NAME), `playground`; in TypeScript a list of rows or a Source.',
    ),
  validation: places.optional().describe('Held-out instructions; a tenth of `from` when absent, by a hash.'),
  test: places.optional().describe('Held-out instructions; a tenth of `from` when absent, by a hash.'),
  dev: places.optional().describe('Held-out instructions; a twentieth of `from` when absent, by a hash.'),
  preset: z
    .string()
    .optional()
    .describe('How rows are read, as `evalplanner pairs --from`; told by their fields when absent.'),
  fields: z
    .record(z.string(), z.string())
    .optional()
    .describe('Names of the fields of a row: instruction, response, rejected, answer.'),
  languages: z.array(z.string()).optional().describe('ISO 639-1 codes.'),
  minChars: count.optional(),
  maxChars: whole.optional(),
  maxResponseChars: whole.optional(),
  maxTurns: whole.optional(),
  toxic: z.boolean().optional().describe('Take rows that the set flags as toxic.'),
  duplicates: share
    .nullable()
    .optional()
    .describe('Similarity from which an instruction counts as a copy; null: exact copies only. Default 0.8.'),
  sample: whole.optional().describe('Only so many, drawn from all that pass.'),
  limit: whole.optional().describe('Only the first so many that pass.'),
  rejected: z
    .union([rejected, z.partialRecord(rejected, share)])
    .default('modified')
    .describe(
      'Of general: the answer to a modified instruction, to the most similar one of the set (nearest), to another; or shares of each, easy ones first.',
    ),
  onBadRow: z
    .enum(['stop', 'skip'])
    .default('stop')
    .describe('skip: leave out and count what cannot be read.'),
});

/** Rows as a file would have them. */
export function areRows(value: unknown): value is readonly object[] {
  return (
    Array.isArray(value) && value.length > 0 && value.every((row) => typeof row === 'object' && row !== null)
  );
}

export function isSource(value: unknown): value is Source {
  return has(value, 'revision', 'string') && has(value, 'instructions', 'function');
}
