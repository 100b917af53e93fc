import type { Template } from '../template.ts';
import { PUBLISHED_TAGS } from './tags.ts';

/** Kinds of user instructions. The method starts from reasoning prompts (arXiv 2501.18099, section 4.1). */
export const CATEGORIES = [
  'reasoning',
  'math',
  'coding',
  'knowledge',
  'writing',
  'rewriting',
  'extraction',
  'roleplay',
  'advice',
  'chat',
  'other',
] as const;

export type Category = (typeof CATEGORIES)[number];

/** Asks for the category of x; the first line of the output names it. */
export const publishedClassify: Template<'instruction'> = {
  name: 'classify',
  version: 'published-1',
  text: `Below is what a user asked an AI assistant. Do not answer it. Say which one category fits it best:

reasoning: a problem with conditions to be worked through: logic, planning, analysis, cause and effect, explaining why
math: a calculation, a proof, an equation
coding: to write, explain or correct a program
knowledge: facts about the world, definitions, history
writing: to write a new text: a story, a poem, a letter, an article
rewriting: to translate, shorten, correct or change a text that is given
extraction: to find, list or classify something in a text that is given
roleplay: to speak as a character, or to go on with a scene
advice: a recommendation or an opinion for the user's own situation
chat: greetings, small talk, questions about the assistant
other: anything else, or nothing that can be understood

Write the name of the category alone, in one line.

[User Question]
{instruction}`,
  tags: PUBLISHED_TAGS,
  fields: ['instruction'],
};

/** The category that an output names in its first line that is not blank; null where it names none. */
export function parseCategory(completion: string): Category | null {
  const [line = ''] = completion.split('\n').filter((text) => text.trim() !== '');
  const word = line
    .toLowerCase()
    .match(/[a-z]+/g)
    ?.at(-1);
  return CATEGORIES.find((category) => category === word) ?? null;
}
