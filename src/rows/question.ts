import { instructionText, type Message } from '../prompts/conversation.ts';
import type { RowFields } from './fields.ts';

/** What the responses of a row answer. */
export interface Question {
  /** Of a conversation, its rendering. */
  readonly text: string;
  /** User turns. */
  readonly turns: number;
  /** The turns, where there are several: the last one is the user's. */
  readonly conversation?: readonly Message[];
}

/** Names of the field that asks; the first that is there does. */
export const ASKED = ['instruction', 'prompt', 'question', 'input', 'messages', 'conversations'] as const;

/** Further fields that belong to the question where they are there: Alpaca's `input`, Dolly's `context`. */
const SECOND = ['input', 'context'] as const;
const SYSTEM = ['system', 'system_prompt'] as const;
/** What cannot be put into a text, and without which it is another question. */
const UNSAYABLE = ['tools', 'image', 'images', 'videos', 'audios'] as const;

/** LLaMA-Factory's tools are a text of JSON. */
const NOTHING = /^\s*(?:\[\s*\]|\{\s*\})\s*$/;

/** What a row asks: its instruction; behind a blank line what a second field adds; and as the turns of a conversation its system
 * prompt and its history ([user, assistant] pairs, as LLaMA-Factory writes them). Nothing of a known form is dropped: what cannot
 * be taken is an error that names it. `asked`: the names of the field that asks. */
export function questionOf(row: RowFields, asked: readonly string[] = ASKED): Question {
  // Our own pairs keep the conversation of which `instruction` is the rendering.
  if (row.isList('provenance.conversation') && asked.includes('instruction'))
    return questionFrom(row, row.messages('provenance.conversation'), 'provenance.conversation');
  const name = asked.find((one) => !row.isBlank(one)) ?? asked.find((one) => row.has(one));
  if (name === undefined) {
    const [first, ...others] = asked;
    throw row.error(`has no ${first}${others.length === 0 ? '' : ` (nor ${others.join(', ')})`}`);
  }
  const added = SECOND.filter((one) => one !== name && !row.isBlank(one));
  if (typeof row.value(name) === 'string') {
    const text = row.text(name);
    const texts = [text, ...added.map((one) => row.text(one)).filter((more) => more !== text)];
    const asks = { role: 'user', content: texts.join('\n\n') } as const;
    return questionFrom(row, [...systemOf(row), ...historyOf(row), asks], name);
  }
  if (!row.isList(name)) row.text(name);
  if (row.isBlank(name)) throw row.error(`has an empty ${name}`);
  const beside = [...added, ...(row.isBlank('history') ? [] : ['history'])];
  if (beside.length > 0)
    throw row.error(`has the conversation ${name}, and ${beside.join(' and ')} beside it`);
  return questionFrom(row, withSystem(row, row.messages(name, 'user')), name);
}

/** A conversation that has to be answered. `name`: its field. */
export function questionFrom(row: RowFields, turns: readonly Message[], name: string): Question {
  const unsaid = UNSAYABLE.find((one) => !row.isBlank(one) && !NOTHING.test(String(row.value(one))));
  if (unsaid !== undefined) throw row.error(`has ${unsaid}, which no prompt of a judge can show`);
  const last = turns.at(-1);
  if (last?.role !== 'user' || last.content.trim() === '')
    throw row.error(`has no user turn in ${name} that could be answered`);
  return {
    text: instructionText(turns),
    turns: turns.filter(({ role }) => role === 'user').length,
    ...(turns.length === 1 ? {} : { conversation: turns }),
  };
}

/** A conversation up to its last user turn that is answered, and that answer; a trailing user turn has none. */
export function conversationOf(row: RowFields, path: string): Question & { readonly response?: string } {
  const turns = row.messages(path);
  while (turns.length > 1 && turns.at(-1)?.role !== 'user' && turns.at(-2)?.role !== 'user') turns.pop();
  const answer = turns.at(-1)?.role === 'assistant' ? turns.pop()?.content : undefined;
  const question = questionFrom(row, turns.length === 0 ? [] : withSystem(row, turns), path);
  return answer === undefined || answer.trim() === '' ? question : { ...question, response: answer };
}

/** A conversation under the row's own system prompt. */
export function withSystem(row: RowFields, turns: readonly Message[]): readonly Message[] {
  const system = systemOf(row);
  if (turns[0]?.role !== 'system') return [...system, ...turns];
  if (system.length > 0 && system[0]?.content !== turns[0].content)
    throw row.error('has a system prompt, and a conversation that begins with another one');
  return turns;
}

function systemOf(row: RowFields): Message[] {
  const said = SYSTEM.filter((name) => !row.isBlank(name)).map((name) => row.text(name));
  const [content, other] = [...new Set(said)];
  if (other !== undefined) throw row.error(`has two system prompts, in ${SYSTEM.join(' and ')}`);
  return content === undefined ? [] : [{ role: 'system', content }];
}

function historyOf(row: RowFields): Message[] {
  if (row.isBlank('history')) return [];
  if (!row.isList('history')) throw row.error('has a history that is no list of [user, assistant] pairs');
  if (!row.list('history').every(Array.isArray)) return row.messages('history');
  return row.list('history').flatMap((pair): Message[] => {
    const [user, assistant, ...more] = pair as unknown[];
    if (typeof user !== 'string' || typeof assistant !== 'string' || more.length > 0)
      throw row.error('has a history that is no list of [user, assistant] pairs');
    return [
      { role: 'user', content: user },
      { role: 'assistant', content: assistant },
    ];
  });
}
