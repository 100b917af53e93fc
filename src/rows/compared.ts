import type { Message } from '../prompts/conversation.ts';
import type { RowFields } from './fields.ts';
import { type Gold, goldOf, isOneHot } from './gold.ts';
import { ASKED, type Question, questionFrom, questionOf, withSystem } from './question.ts';

/** Two responses to one question. */
export interface Responses {
  readonly question: Question;
  readonly responses: readonly [string, string];
}

/** The same with what the row says of them. */
export interface Compared extends Responses {
  /** The better one; null where the row does not say. */
  readonly gold: Gold | null;
}

type Names = readonly [string, string];

/** Names of the two responses; of the last kind the first one is the better. */
const RESPONSES: readonly Names[] = [
  ['a', 'b'],
  ['response_a', 'response_b'],
  ['response_A', 'response_B'],
  ['response_1', 'response_2'],
  ['output_1', 'output_2'],
  ['response_0', 'response_1'],
  ['conversation_a', 'conversation_b'],
  ['chosen', 'rejected'],
];
const LIST: Names = ['responses.0', 'responses.1'];

/** What rows that part before the last answer are counted as. */
export const PARTS = 'conversations part before the last answer';

const REMEDY =
  'give conversations that are one up to the last answer, which is what is compared; `evalplanner pairs` leaves others out and counts them';

/** Reads the two responses of a row by the names that it has, and which is better. */
export function compared(row: RowFields): Compared {
  const names = namesOf(row);
  const read = responsesOf(row, names);
  return { ...read, gold: goldOf(row, names, read.responses) };
}

/** Reads two responses to one question. Each is a text, or a list of messages: the answer to the question of the row (TRL's
 * explicit prompt), or a whole conversation that ends with it (the implicit one). Then both have to be one up to the last answer,
 * since the response to another question is no worse one to this. `names`: of the responses; `asked`: as of `questionOf`. */
export function responsesOf(row: RowFields, names: Names, asked: readonly string[] = ASKED): Responses {
  const beginning = (): readonly Message[] => {
    const { text, conversation } = questionOf(row, asked);
    return conversation ?? [{ role: 'user', content: text }];
  };
  const [first, second] = names.map((name) => arenaTurns(row, name) ?? whole(row, name, beginning)) as [
    Message[],
    Message[],
  ];
  const [question, other] = [first.slice(0, -1), second.slice(0, -1)];
  if (!alike(question, other))
    throw row.noPair(
      PARTS,
      `has ${names.join(' and ')} conversations that part before the last answer`,
      REMEDY,
    );
  const responses = [first, second].map((turns) => (turns.at(-1) as Message).content) as [string, string];
  return { question: questionFrom(row, question, names[0]), responses };
}

/** Whether a row is of two responses that are not called chosen and rejected; which is the better one has to be said then. */
export function isLabelled(row: RowFields): boolean {
  const names = namesIn(row);
  return names !== undefined && names[0] !== 'chosen';
}

/** The names of which both are there, else of which both are columns: then one is missing, and said to be. */
function namesIn(row: RowFields): Names | undefined {
  const columns = new Set(row.names);
  return (
    RESPONSES.find((two) => two.every((name) => row.has(name))) ??
    RESPONSES.find((two) => two.every((name) => columns.has(name)) && two.some((name) => row.has(name)))
  );
}

/** The response whose column a row leaves empty, where it has the other one. */
export function missingResponse(row: RowFields): string | undefined {
  return namesIn(row)?.find((name) => !row.has(name));
}

function namesOf(row: RowFields): Names {
  const names = namesIn(row);
  if (names) {
    // Of three the third would be dropped without a word.
    const third = /^(.*)_1$/.exec(names[0])?.[1];
    const more = [0, 3].map((n) => `${third}_${n}`).find((name) => third !== undefined && row.has(name));
    if (more !== undefined) throw row.error(`has more than two responses: ${more}, too`);
    return names;
  }
  if (row.isList('responses') && row.list('responses').length === 2) return LIST;
  // A row of something else lacks a question, too: that is the first thing to say of it.
  questionOf(row);
  throw row.error('has no two responses (a and b, or chosen and rejected)');
}

/** Chatbot Arena's form at Kaggle: prompt and responses are texts of JSON that list what was said turn by turn. */
function arenaTurns(row: RowFields, name: string): readonly Message[] | null {
  if (!name.startsWith('response_') || !isOneHot(row)) return null;
  const listed = (field: string) => (/^\s*\[/.test(String(row.value(field))) ? row.texts(field) : null);
  const [asked, said] = [listed('prompt'), listed(name)];
  if (asked === null || said === null) return null;
  if (asked.length !== said.length || asked.length === 0)
    throw row.error(`has ${asked.length} turns in prompt, and ${said.length} in ${name}`);
  return asked.flatMap((content, i): Message[] => [
    { role: 'user', content },
    { role: 'assistant', content: said[i] as string },
  ]);
}

/** The whole conversation that ends with the response. */
function whole(row: RowFields, name: string, beginning: () => readonly Message[]): readonly Message[] {
  const value = row.value(name);
  if (value === null || typeof value !== 'object')
    return [...beginning(), { role: 'assistant', content: row.response(name) }];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string'))
    throw row.error(`has a list of responses in ${name}, not one as a text or as messages`);
  const turns = row.messages(name, 'assistant');
  if (turns.at(-1)?.role !== 'assistant')
    throw row.error(`has a conversation ${name} that ends without an answer`);
  if (turns[0]?.role === 'assistant') return [...beginning(), ...turns];
  const conversation = withSystem(row, turns);
  // Where the prompt stands beside it, too, it is the beginning: anything else is no form that is known.
  if (row.isList('prompt') && !row.isBlank('prompt')) {
    const prompt = withSystem(row, row.messages('prompt', 'user'));
    if (!alike(conversation.slice(0, prompt.length), prompt))
      throw row.error(`has a conversation ${name} that does not begin with its prompt`);
  }
  return conversation;
}

function alike(a: readonly Message[], b: readonly Message[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ role, content }, i) => role === b[i]?.role && content === b[i].content)
  );
}

/** The one answer that a field holds, as a text or as the assistant's turn. */
export function answerIn(row: RowFields, name: string): string {
  const value = row.value(name);
  if (value === null || typeof value !== 'object') return row.response(name);
  const turns = row.messages(name, 'assistant');
  const [turn] = turns;
  if (turns.length !== 1 || turn?.role !== 'assistant') throw row.error(`has no single answer in ${name}`);
  return turn.content;
}
