import { EvalPlannerError } from '../errors.ts';
import type { Message } from '../prompts/conversation.ts';
import { quoted, wellFormedTexts } from './json.ts';
import type { SourceRow } from './row.ts';

/** A row that is well-formed and yet gives no pair, such as a tie: whoever makes pairs counts it by its reason and goes on. */
export class NoPair extends EvalPlannerError {
  readonly reason: string;

  constructor(reason: string, message: string, remedy: string) {
    super('data', message, remedy);
    this.reason = reason;
  }
}

/** A row that shows that nobody can tell what other rows of its file say: to leave it out would misread them. */
export class FileFault extends EvalPlannerError {}

/** Whether an error costs a row only, which is then left out; any other ends the reading. */
export function costsRow(error: unknown, onError: 'stop' | 'skip'): error is EvalPlannerError {
  if (error instanceof NoPair) return true;
  return onError === 'skip' && error instanceof EvalPlannerError && !(error instanceof FileFault);
}

/** The fields of a row, for every command that reads rows of others; dots lead into objects and lists
 * (`completions.0.response`). Null and NaN, pandas' word for a missing number, are absent. Every error names file and row. */
export class RowFields {
  readonly #row: Readonly<Record<string, unknown>>;
  readonly at: string;
  readonly #remedy: string;

  /** `remedy`: what to do about a row that is not as it should be. */
  constructor({ value, at }: SourceRow, remedy: string) {
    this.at = at;
    this.#remedy = remedy;
    if (value === null || typeof value !== 'object' || Array.isArray(value))
      throw this.error('is not an object');
    this.#row = value as Record<string, unknown>;
  }

  error(what: string, remedy = this.#remedy): EvalPlannerError {
    return new EvalPlannerError('data', `${this.at} ${what}`, remedy);
  }

  /** `what`: as of `error`; `reason`: what such rows are counted as. */
  noPair(reason: string, what: string, remedy = this.#remedy): NoPair {
    return new NoPair(reason, `${this.at} ${what}`, remedy);
  }

  fileFault(what: string, remedy: string): FileFault {
    return new FileFault('data', `${this.at} ${what}`, remedy);
  }

  get names(): readonly string[] {
    return Object.keys(this.#row);
  }

  value(path: string): unknown {
    return wellFormedTexts(this.#found(path));
  }

  has(path: string): boolean {
    return this.#found(path) !== undefined;
  }

  isList(path: string): boolean {
    return Array.isArray(this.#found(path));
  }

  /** Whether there is nothing to read: absent, a blank text, or an empty list. */
  isBlank(path: string): boolean {
    const found = this.#found(path);
    if (typeof found === 'string') return !/\S/.test(found);
    return found === undefined || (Array.isArray(found) && found.length === 0);
  }

  /** A text that is not blank. */
  text(path: string): string {
    if (!this.has(path)) throw this.error(`has no ${path}`);
    const found = this.response(path);
    if (found.trim() === '') throw this.error(`has no text in ${path}`);
    return found;
  }

  /** A text that may be blank: a model that answers nothing has answered. */
  response(path: string): string {
    const found = this.value(path);
    if (typeof found === 'string') return found;
    throw this.error(
      found === undefined
        ? `has no ${path}; an empty text is "" (in CSV, too)`
        : `has no text in ${path}, but ${quoted(found)}`,
    );
  }

  /** A text or a number, as text; blank as absent. */
  optional(path: string): string | undefined {
    const found = this.value(path);
    if (found === undefined) return undefined;
    if (typeof found === 'number' || typeof found === 'bigint') return String(found);
    if (typeof found !== 'string')
      throw this.error(`has ${one(path)} that is not a text, but ${quoted(found)}`);
    return found.trim() === '' ? undefined : found;
  }

  /** A text or a number, as text: whole numbers to the last digit. */
  id(path: string): string {
    const found = this.value(path);
    if (typeof found === 'number' && Number.isInteger(found) && !Number.isSafeInteger(found))
      throw this.error(
        `has ${one(path)} that is not exact, ${quoted(found)}: ids beyond 2^53 need whole numbers or texts`,
      );
    if (
      found !== undefined &&
      typeof found !== 'string' &&
      typeof found !== 'number' &&
      typeof found !== 'bigint'
    )
      throw this.error(`has ${one(path)} that is neither a text nor a number, but ${quoted(found)}`);
    const id = this.optional(path);
    if (id === undefined) throw this.error(`has no ${path}`);
    return id;
  }

  /** A number, or the text of one, as CSV has them. */
  number(path: string): number {
    const found = this.value(path);
    const number = typeof found === 'string' && found.trim() !== '' ? Number(found) : found;
    if (typeof number === 'number' && Number.isFinite(number)) return number;
    throw this.error(
      found === undefined ? `has no ${path}` : `has no number in ${path}, but ${quoted(found)}`,
    );
  }

  flag(path: string): boolean | undefined {
    const found = this.value(path);
    if (found === undefined || typeof found === 'boolean') return found;
    if (found === 'true' || found === 'false') return found === 'true';
    throw this.error(`has ${one(path)} that is neither true nor false, but ${quoted(found)}`);
  }

  list(path: string): readonly unknown[] {
    const found = this.value(path);
    if (!Array.isArray(found)) throw this.error(`has no list in ${path}`);
    return found;
  }

  /** A list of texts, of which any may be blank; some files hold a list literal in a text. */
  texts(path: string): string[] {
    let found = this.value(path);
    if (typeof found === 'string' && found.trimStart().startsWith('[')) {
      try {
        found = JSON.parse(found);
      } catch {
        throw this.error(`has a list in ${path} that is not JSON`);
      }
    }
    if (!Array.isArray(found)) throw this.error(`has no list in ${path}`);
    return found.map((item, i) => {
      if (typeof item !== 'string') throw this.error(`has no text in ${path}[${i}], but ${quoted(item)}`);
      return item;
    });
  }

  /** Turns as chat formats write them: `{role, content}`, or ShareGPT's `{from, value}`; one alone may stand without its list, and
   * without its role, which is then `sole`. */
  messages(path: string, sole?: Message['role']): Message[] {
    const found = this.value(path);
    const turns = Array.isArray(found) || found === undefined ? this.list(path) : [found];
    return turns.map((turn, i) => {
      const { role, from, content, value } = (turn ?? {}) as Record<string, unknown>;
      const named = role ?? from;
      const speaker = named === undefined && turns.length === 1 ? sole : ROLES[String(named).toLowerCase()];
      const said = textOf(content ?? value);
      if (speaker === undefined || said === undefined)
        throw this.error(`has a turn ${i + 1} in ${path} that is not {role, content}: ${quoted(turn)}`);
      return { role: speaker, content: said };
    });
  }

  #found(path: string): unknown {
    const own = (from: unknown, name: string) =>
      from !== null && typeof from === 'object' && Object.hasOwn(from, name)
        ? ((from as Record<string, unknown>)[name] ?? undefined)
        : undefined;
    const whole = own(this.#row, path);
    const found =
      whole === undefined && path.includes('.') ? path.split('.').reduce(own, this.#row as unknown) : whole;
    return Number.isNaN(found) ? undefined : found;
  }
}

/** `a label`, `an id`. */
const one = (path: string) => `${/^[aeio]/i.test(path) ? 'an' : 'a'} ${path}`;

const ROLES: Readonly<Record<string, Message['role']>> = {
  system: 'system',
  developer: 'system',
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
