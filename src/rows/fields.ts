import { EvalPlannerError } from '../errors.ts';
import { instructionText, type Message } from '../prompts/conversation.ts';
import type { SourceInstruction } from '../source.ts';
import type { SourceRow } from './row.ts';

const REMEDY =
  'choose the preset of this data with --from, or name its fields with --fields instruction=NAME,response=NAME,answer=NAME; or leave such rows out with --on-error skip';

/** A row of a data set, read field by field; dots lead into objects and lists (`completions.0.response`). Errors name the row. */
export class RowFields {
  readonly #row: Readonly<Record<string, unknown>>;
  readonly at: string;

  constructor({ value, at }: SourceRow) {
    this.at = at;
    if (value === null || typeof value !== 'object' || Array.isArray(value))
      throw this.error('is not an object');
    this.#row = value as Record<string, unknown>;
  }

  error(what: string): EvalPlannerError {
    return new EvalPlannerError('data', `${this.at} ${what}`, REMEDY);
  }

  get names(): readonly string[] {
    return Object.keys(this.#row);
  }

  value(path: string): unknown {
    let found: unknown = this.#row;
    for (const name of path.split('.')) {
      if (found === null || typeof found !== 'object' || !Object.hasOwn(found, name)) return undefined;
      found = (found as Record<string, unknown>)[name];
    }
    return found ?? undefined;
  }

  has(path: string): boolean {
    return this.value(path) !== undefined;
  }

  /** A text that is not blank. */
  text(path: string): string {
    const found = this.optional(path);
    if (found === undefined) throw this.error(`has no text in ${path}`);
    return found;
  }

  /** A number counts as its text; blank as absent. */
  optional(path: string): string | undefined {
    const found = this.value(path);
    if (found === undefined) return undefined;
    if (typeof found === 'number') return String(found);
    if (typeof found !== 'string') throw this.error(`has a ${path} that is not a text`);
    return found.trim() === '' ? undefined : found;
  }

  flag(path: string): boolean | undefined {
    const found = this.value(path);
    if (found === undefined || typeof found === 'boolean') return found as boolean | undefined;
    if (found === 'true' || found === 'false') return found === 'true';
    throw this.error(`has a ${path} that is neither true nor false`);
  }

  list(path: string): readonly unknown[] {
    const found = this.value(path);
    if (!Array.isArray(found)) throw this.error(`has no list in ${path}`);
    return found;
  }

  /** Turns as chat formats write them: `{role, content}`, or ShareGPT's `{from, value}`. */
  messages(path: string): Message[] {
    return this.list(path).map((turn, i) => {
      const { role, from, content, value } = (turn ?? {}) as Record<string, unknown>;
      const speaker = ROLES[String(role ?? from).toLowerCase()];
      const said = textOf(content ?? value);
      if (speaker === undefined || said === undefined)
        throw this.error(`has a turn ${i + 1} in ${path} that is not {role, content}`);
      return { role: speaker, content: said };
    });
  }

  /** A conversation up to its last user turn that is answered, and that answer; a trailing user turn has none. */
  conversation(path: string): Pick<SourceInstruction, 'text' | 'turns' | 'response' | 'conversation'> {
    const turns = this.messages(path);
    while (turns.length > 1 && turns.at(-1)?.role !== 'user' && turns.at(-2)?.role !== 'user') turns.pop();
    const answer = turns.at(-1)?.role === 'assistant' ? turns.pop()?.content : undefined;
    const asked = turns.at(-1);
    if (asked?.role !== 'user' || asked.content.trim() === '')
      throw this.error(`has no user turn in ${path} that could be answered`);
    return {
      text: instructionText(turns),
      turns: turns.filter(({ role }) => role === 'user').length,
      ...(answer === undefined || answer.trim() === '' ? {} : { response: answer }),
      ...(turns.length === 1 ? {} : { conversation: turns }),
    };
  }
}

const ROLES: Readonly<Record<string, Message['role']>> = {
  system: 'system',
  user: 'user',
  human: 'user',
  assistant: 'assistant',
  gpt: 'assistant',
};

/** A turn's text: itself, or the texts of its parts. */
function textOf(content: unknown): string | undefined {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return undefined;
  const parts = content.map((part) => (part as { text?: unknown } | null)?.text);
  return parts.every((part) => typeof part === 'string') ? parts.join('') : undefined;
}
