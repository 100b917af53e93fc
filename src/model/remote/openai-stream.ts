import { type OpenAIApi, spoken } from './openai-protocol.ts';

interface Choice {
  index: number;
  text: string;
  reasoning: string;
  refusal: string;
  finish_reason: unknown;
  logprobs: Record<string, unknown> | null;
}

type Fields = Record<string, unknown>;

/** Puts the events of a streamed answer together as the whole answer would have been. */
export class StreamedAnswer {
  readonly #api: OpenAIApi;
  readonly #changed: (index: number, text: string) => void;
  readonly #choices = new Map<number, Choice>();
  #rest = '';
  #usage: unknown = null;
  #error: unknown;
  #done = false;
  /** Whether there was any event: a server may have answered at once. */
  some = false;

  /** `changed` hears a choice's text so far. */
  constructor(api: OpenAIApi, changed: (index: number, text: string) => void) {
    this.#api = api;
    this.#changed = changed;
  }

  push(text: string): void {
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line);
  }

  /** What readCompletions reads. A stream that broke off is an answer without choices. */
  end(): Fields {
    this.#line(this.#rest);
    this.#rest = '';
    const choices = [...this.#choices.values()];
    const whole = this.#done || choices.every(({ finish_reason }) => finish_reason !== null);
    if (this.#error !== undefined || !whole) {
      return { error: this.#error ?? { message: 'the stream broke off' }, usage: this.#usage };
    }
    return { choices: choices.map((choice) => this.#whole(choice)), usage: this.#usage };
  }

  #line(line: string): void {
    const [, data] = /^data:\s*(.*)$/.exec(line) ?? [];
    if (data === undefined) return;
    this.some = true;
    if (data === '[DONE]') this.#done = true;
    if (data === '' || data === '[DONE]') return;
    let event: Fields;
    try {
      event = fields(JSON.parse(data));
    } catch {
      this.#error = { message: 'an event that is not JSON' };
      return;
    }
    if (event.error != null) this.#error = event.error;
    if (event.usage != null) this.#usage = event.usage;
    if (Array.isArray(event.choices)) for (const choice of event.choices) this.#add(fields(choice));
  }

  #add(piece: Fields): void {
    const index = typeof piece.index === 'number' ? piece.index : 0;
    const empty = { index, text: '', reasoning: '', refusal: '', finish_reason: null, logprobs: null };
    const choice = this.#choices.get(index) ?? empty;
    this.#choices.set(index, choice);
    const delta = fields(piece.delta);
    const { text: said, thought } = spoken(this.#api === 'chat' ? delta.content : piece.text);
    const thoughts = delta.reasoning_content ?? delta.reasoning ?? thought;
    if (typeof thoughts === 'string') choice.reasoning += thoughts;
    if (typeof delta.refusal === 'string') choice.refusal += delta.refusal;
    if (piece.finish_reason != null) choice.finish_reason = piece.finish_reason;
    for (const [name, values] of Object.entries(fields(piece.logprobs))) {
      if (!Array.isArray(values)) continue;
      choice.logprobs ??= {};
      choice.logprobs[name] = [...((choice.logprobs[name] as unknown[]) ?? []), ...values];
    }
    if (said === '') return;
    choice.text += said;
    this.#changed(index, choice.text);
  }

  #whole({ index, text, reasoning, refusal, finish_reason, logprobs }: Choice): Fields {
    if (this.#api === 'completions') return { index, text, finish_reason, logprobs };
    const message = {
      content: text,
      ...(reasoning === '' ? {} : { reasoning }),
      ...(refusal === '' ? {} : { refusal }),
    };
    return { index, message, finish_reason, logprobs };
  }
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
