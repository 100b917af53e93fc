import type { VerdictKind } from '../types.ts';

const VERDICT = /\[\[([ABC])\]\]/g;

/** The final verdict of a judge's output: the last `[[A]]`, `[[B]]` or `[[C]]` (tie) after the execution's end where
 * there is one; a cut output is truncated, never guessed; anything else is invalid. Linear in the text's length. */
export function parseVerdict(text: string, finishReason: 'stop' | 'length' = 'stop'): VerdictKind {
  if (finishReason === 'length') return 'truncated';
  const end = text.lastIndexOf('</exec>');
  const tail = end < 0 ? text : text.slice(end);
  let verdict: VerdictKind = 'invalid';
  for (const [, letter] of tail.matchAll(VERDICT)) verdict = letter === 'C' ? 'tie' : (letter as 'A' | 'B');
  return verdict;
}
