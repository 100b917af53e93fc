import { EvalPlannerError } from '../errors.ts';
import type { Turn } from '../types.ts';
import { escapeTags } from './template.ts';

/** What chat formats call a turn. */
export type Message = Turn;

/** x: one user turn, or the conversation whose last turn the responses answer. */
export type InstructionInput = string | readonly Message[];

const TITLE = { system: '[System]', user: '[User]', assistant: '[Assistant]' } as const;
const TITLES = Object.values(TITLE);

/** A conversation as the text of one instruction. A single user turn is its own text; several stand under their roles, whose
 * titles no turn can hold unbroken. Throws EvalPlannerError (`data`) for one without a turn or not ending with the user's. */
export function instructionText(instruction: InstructionInput): string {
  if (typeof instruction === 'string') return instruction;
  const last = instruction.at(-1);
  if (last?.role !== 'user') {
    const what = last === undefined ? 'has no turn' : `ends with a turn of the ${last.role}`;
    throw new EvalPlannerError(
      'data',
      `the instruction ${what}`,
      'end it with the user turn that the responses answer',
    );
  }
  if (instruction.length === 1) return last.content;
  return instruction
    .map(({ role, content }) => `${TITLE[role]}\n${escapeTags(content, TITLES)}`)
    .join('\n\n');
}
