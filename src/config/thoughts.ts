import { z } from 'zod';
import { share, whole } from './parts.ts';
import { shots } from './prompts.ts';

export const thoughts = z
  .strictObject({
    plans: whole.default(5).describe('|P|: plans of each response pair.'),
    executions: whole.default(4).describe('|E|/2: executions of each plan in each order.'),
    temperature: z.number().positive().default(0.8),
    topP: share.default(0.95),
    maxPlanTokens: whole.default(2048),
    maxThoughtTokens: whole.default(2048),
    writing: z
      .enum(['free', 'guided'])
      .optional()
      .describe(
        'How M0 writes: freely (default), or led through plan, execution and verdict by prefills and short prompts of their own, for models that do not write the format. Trained judges write freely.',
      ),
    letterPull: z
      .enum(['keep', 'correct'])
      .optional()
      .describe(
        "Of guided verdicts: drawn from the letter's own probabilities (keep, default), or less the pair's mean pull to a letter over both orders.",
      ),
    shots: shots.optional(),
  })
  .prefault({});

/** Fields of guided writing that would do nothing, or could not. */
export function faultsOfWriting({
  prompts: set,
  thoughts: { writing, letterPull, shots },
}: {
  readonly prompts: unknown;
  readonly thoughts: { readonly writing?: unknown; readonly letterPull?: unknown; readonly shots?: unknown };
}): [string, string][] {
  const base = typeof set === 'object' && set !== null && 'base' in set ? set.base : set;
  if (writing === 'guided')
    return base === 'playground'
      ? [['writing', 'the playground has no guide, and its seed model writes the format; expected free']]
      : [];
  const without = { letterPull, shots };
  return Object.entries(without).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, 'it is of guided writing: give writing: guided, too']],
  );
}
