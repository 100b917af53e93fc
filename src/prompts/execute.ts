import { PLAYGROUND_TAGS, TAG } from './tags.ts';
import { between, type Template } from './template.ts';

/** Shows x, both responses in one order and the plan; asks to follow the plan step by step and to end with a verdict. */
export const playgroundExecute: Template<'instruction' | 'a' | 'b' | 'plan'> = {
  name: 'execute',
  version: 'playground-1',
  text: 'Instruction: {instruction} <A> {a} <B> {b} <plan> {plan} </plan>',
  tags: PLAYGROUND_TAGS,
  fields: ['instruction', 'a', 'b', 'plan'],
};

/** The text between the execution tags; null when either is missing. */
export function parseExecution(completion: string): string | null {
  return between(completion, TAG.exec, TAG.execEnd);
}
