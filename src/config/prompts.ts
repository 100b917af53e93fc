import { z } from 'zod';
import type { PromptSet } from '../prompts/set.ts';
import { has } from './parts.ts';

const text = (fields: string) =>
  z.string().min(1).optional().describe(`A file with the prompt; fields ${fields}.`);

/** Templates of one's own in place of some of a set; what comes out is read as the set's own is. */
const own = z.strictObject({
  base: z.enum(['published', 'playground']).default('published'),
  response: text('{instruction}'),
  modify: text('{instruction}'),
  plan: text('{instruction}'),
  execute: text('{instruction} {a} {b} {plan}'),
  judge: text('{instruction} {a} {b}'),
  unplanned: text('{instruction} {a} {b}'),
  direct: text('{instruction} {a} {b}'),
});

export const prompts = z
  .union([z.enum(['playground', 'published']), own, z.custom<PromptSet>(isPromptSet)])
  .describe('The prompts of the run: `published` (arXiv 2501.18099), `playground`, or files of your own.');

export type OwnPrompts = z.output<typeof own>;

export function isPromptSet(value: unknown): value is PromptSet {
  return has(value, 'parseThought', 'function') && has(value, 'judge', 'object');
}

export const shot = z.strictObject({
  instruction: z.string().min(1),
  a: z.string(),
  b: z.string(),
  plan: z.string().min(1),
  execution: z.string().min(1),
  verdict: z.enum(['A', 'B']),
});

export const shots = z
  .union([z.string().min(1), z.array(shot)])
  .describe(
    "Worked examples in the prompts of guided writing, never in a training's: a file of rows {instruction, a, b, plan, execution, verdict}, or these, the plan begun with `A good answer must` and the execution a line for each answer, `Answer A is …`, `Answer B is …`; two short ones of ours when absent.",
  );
