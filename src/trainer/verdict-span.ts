import type { Tokenizer } from '../model/local/tokenizer.ts';
import { TAG } from '../prompts/tags.ts';

/** Tokens that a verdict and what stands behind it may take: where there is none, a long text is not read to its beginning. */
const REACH = 32;

/** The first token of a completion's verdict, the last `[[A]]` or `[[B]]` near its end, and the one behind it; null where there is none. A
 * token may hold more than the verdict. */
export function verdictSpan(
  tokenizer: Pick<Tokenizer, 'decode'>,
  ids: readonly number[],
): [start: number, end: number] | null {
  const says = (start: number, end: number) => {
    // Some tokenizers put spaces between their tokens.
    const text = tokenizer.decode(ids.slice(start, end)).replace(/\s/g, '');
    return text.includes(TAG.isA) || text.includes(TAG.isB);
  };
  const least = Math.max(0, ids.length - REACH);
  let start = ids.length - 1;
  while (start >= least && !says(start, ids.length)) start--;
  if (start < least) return null;
  let end = start + 1;
  while (!says(start, end)) end++;
  return [start, end];
}
