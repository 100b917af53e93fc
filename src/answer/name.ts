import type { Token } from './tokens.ts';

const NAMING = /^(?:[(),|:_{}']|\\\\[{}])$/;
const COUNTING = /^(?:frac|sqrt|cdot|times|div|pm|mp|begin|end|in|cup|binom|infty|pi|approx|le|ge|ne|lt|gt)$/;

/** x, x_1, AB, |AB|, f(x), P(A), ∠ABC, (x, y), V_1:V_2: no sum, no power, no number but as an index or an argument. */
export function isName(tokens: readonly Token[]): boolean {
  return (
    tokens.length > 0 &&
    tokens[0]?.kind !== 'number' &&
    tokens.some(({ kind }) => kind === 'word' || kind === 'command') &&
    tokens.every(({ kind, text }, i) => {
      if (kind === 'word') return text.length <= 4;
      if (kind === 'command') return !COUNTING.test(text);
      if (kind === 'symbol') return NAMING.test(text);
      return kind === 'number' && /^[_{(,]$/.test(tokens[i - 1]?.text ?? '');
    })
  );
}

/** What kind of name stands before an equals sign. */
export function nameOf(tokens: readonly Token[]): 'letter' | 'function' | 'other' | null {
  if (!isName(tokens)) return null;
  if (tokens.length === 1 && tokens[0]?.text.length === 1) return 'letter';
  return tokens[1]?.text === '(' && tokens.at(-1)?.text === ')' ? 'function' : 'other';
}
