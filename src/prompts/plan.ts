import { PLAYGROUND_TAGS, TAG } from './tags.ts';
import type { Template } from './template.ts';

/** Asks for an evaluation plan; shows x and nothing else. */
export const playgroundPlan: Template<'instruction'> = {
  name: 'plan',
  version: 'playground-1',
  text: 'Instruction: {instruction} <plan>',
  tags: PLAYGROUND_TAGS,
  fields: ['instruction'],
};

/** The text before the closing tag; null when the plan was not closed or is empty. */
export function parsePlan(completion: string): string | null {
  const end = completion.indexOf(TAG.planEnd);
  const plan = end < 0 ? '' : completion.slice(0, end).trim();
  return plan === '' ? null : plan;
}
