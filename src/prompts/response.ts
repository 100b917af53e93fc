import { PLAYGROUND_TAGS } from './tags.ts';
import type { Template } from './template.ts';

/** Asks for an answer to x: chosen responses, and the solutions that the math pairs are drawn from. */
export const playgroundResponse: Template<'instruction'> = {
  name: 'response',
  version: 'playground-1',
  text: 'Instruction: {instruction} <answer>',
  tags: PLAYGROUND_TAGS,
  fields: ['instruction'],
};

/** The whole completion, trimmed; null when it is empty. */
export function parseResponse(completion: string): string | null {
  const response = completion.trim();
  return response === '' ? null : response;
}
