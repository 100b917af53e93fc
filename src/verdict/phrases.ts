import { type Token, tokenize } from './tokens.ts';

/** Words of any language, to be found where they begin: looked up by their first token, compared token by token. */
export class Phrases {
  readonly #byFirst = new Map<string, readonly (readonly string[])[]>();
  /** Tokens of the longest. */
  readonly longest: number;

  /** `list`: phrases, separated by `|`, which itself is one of the `signs`. */
  constructor(list: string, signs: readonly string[] = []) {
    let longest = 0;
    for (const phrase of [...list.split('|'), ...signs]) {
      const texts = tokenize(phrase.trim()).map(({ text }) => text);
      const [first] = texts;
      if (first === undefined) continue;
      longest = Math.max(longest, texts.length);
      const others = this.#byFirst.get(first) ?? [];
      this.#byFirst.set(
        first,
        [...others, texts].sort((a, b) => b.length - a.length),
      );
    }
    this.longest = longest;
  }

  /** Tokens of the longest phrase that begins at `i`; 0 where none does. */
  at(tokens: readonly Token[], i: number): number {
    const found = this.#byFirst.get(tokens[i]?.text ?? '\n');
    if (found === undefined) return 0;
    for (const phrase of found) {
      let k = 1;
      while (k < phrase.length && tokens[i + k]?.text === phrase[k]) k++;
      if (k === phrase.length) return k;
    }
    return 0;
  }

  /** Tokens of a phrase that ends before `end`; 0 where none does. */
  before(tokens: readonly Token[], end: number): number {
    for (let length = this.longest; length > 0; length--) {
      if (end >= length && this.at(tokens, end - length) === length) return length;
    }
    return 0;
  }
}
