import { PLAYGROUND_TAGS, TAG } from './tags.ts';
import type { Template } from './template.ts';

/** Asks for x' (close to x, but something else) and its answer, in two sections, in the playground's words. */
export const playgroundModify: Template<'instruction'> = {
  name: 'modify',
  version: 'playground-1',
  text: 'Instruction: {instruction} <change>',
  tags: PLAYGROUND_TAGS,
  fields: ['instruction'],
};

export interface Modification {
  readonly instruction: string;
  readonly response: string;
}

/** `x' <answer> response'`; null when a section is missing or empty. */
export function parseModify(completion: string): Modification | null {
  const [instruction, response, ...rest] = completion.split(TAG.answer).map((part) => part.trim());
  return instruction && response && rest.length === 0 ? { instruction, response } : null;
}
