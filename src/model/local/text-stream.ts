import type { Tokenizer } from './tokenizer.ts';

/** What stands for bytes that are no character, and so for a character whose last bytes are still to come. */
const INCOMPLETE = '\ufffd';

/** Tokens to text as they come: a character that is spread over tokens comes out whole, with the last of them. The pieces
 * together are the text that the tokens decode to at once. */
export class TextStream {
  readonly #tokenizer: Tokenizer;
  readonly #ids: number[];
  /** A decoder may write a token differently at the start of a text, so that each piece is decoded with the one before. */
  #from = 0;
  #read: number;

  /** `before`: what the text goes on from, so that it begins as it does in the middle of a text. */
  constructor(tokenizer: Tokenizer, before: readonly number[] = []) {
    this.#tokenizer = tokenizer;
    this.#ids = [...before];
    this.#read = before.length;
  }

  push(id: number): string {
    this.#ids.push(id);
    return this.#piece(false);
  }

  /** What is left when no more tokens will come. */
  end(): string {
    return this.#piece(true);
  }

  #piece(last: boolean): string {
    const before = this.#tokenizer.decode(this.#ids.slice(this.#from, this.#read));
    const text = this.#tokenizer.decode(this.#ids.slice(this.#from));
    if (text.endsWith(INCOMPLETE) && !last) return '';
    this.#from = this.#read;
    this.#read = this.#ids.length;
    return text.slice(before.length);
  }
}

/** Cuts a text that comes in pieces before the first of some stop texts, however the pieces are divided: one that is complete
 * waits while another that began before it may yet become complete. */
export class StopTexts {
  readonly #stops: readonly string[];
  /** The end of the text so far, which may be the beginning of a stop. */
  #held = '';
  found = false;

  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  /** The part of the text that is certain by now. */
  push(piece: string): string {
    if (this.found) return '';
    const text = this.#held + piece;
    const [at, begun] = [this.#first(text), text.length - this.#beginning(text)];
    this.found = at < text.length && at <= begun;
    const certain = Math.min(at, begun);
    this.#held = this.found ? '' : text.slice(certain);
    return text.slice(0, certain);
  }

  /** The rest, when nothing more will come. */
  end(): string {
    const at = this.#first(this.#held);
    this.found ||= at < this.#held.length;
    const rest = this.#held.slice(0, at);
    this.#held = '';
    return rest;
  }

  /** Where the first of them begins that is complete; the text's length where none is. */
  #first(text: string): number {
    let first = text.length;
    for (const stop of this.#stops) {
      const at = text.indexOf(stop);
      if (at >= 0 && at < first) first = at;
    }
    return first;
  }

  /** The length of the longest end of the text that a stop begins with. */
  #beginning(text: string): number {
    let longest = 0;
    for (const stop of this.#stops) {
      for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
        if (text.endsWith(stop.slice(0, length))) longest = length;
      }
    }
    return longest;
  }
}
