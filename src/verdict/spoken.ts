import { shown, spokenOf } from './context.ts';
import { type Span, setOff } from './markers.ts';
import type { Token } from './tokens.ts';
import type { Voice } from './voice.ts';

/** The last marker in double brackets that the judge itself gives, by whatever `read` finds at a token: not one of a thought, a
 * quotation, a response that it repeats, a list, a condition or a denial. What a response claims is no verdict, rating or choice.
 * Linear: no look goes further than a fixed number of tokens. */
export function lastSpoken<Found extends Span>(
  tokens: readonly Token[],
  read: (tokens: readonly Token[], i: number) => Found | null,
  { from, open, repeated }: Voice,
): Found | null {
  if (open) return null;
  let last: Found | null = null;
  let fence: number | null = null;
  let quotedLine = false;
  for (let i = from; i < tokens.length; i++) {
    const { type, text } = tokens[i] as Token;
    if (type === 'fence') fence = fence === null ? i : null;
    if (type === 'line') quotedLine = false;
    else if (text === '>' && (i === from || tokens[i - 1]?.type === 'line')) quotedLine = true;
    if (quotedLine || repeated.has(i)) continue;
    const found = read(tokens, i);
    if (found === null) continue;
    const own = fence === null || fills(tokens, fence, found);
    if (own && !spokenOf(tokens, found, from) && !shown(tokens, found, from)) last = found;
    i = found.end - 1;
  }
  return last ?? setOff(tokens, from, read);
}

/** Blank lines that are looked over in a fence. */
const BLANKS = 4;

/** A fence that holds a marker and nothing else is the judge's own; any other shows code of a response. */
function fills(tokens: readonly Token[], fence: number, { first, end }: Span): boolean {
  let i = fence + 1;
  while (i < fence + BLANKS && tokens[i]?.type === 'line') i++;
  let j = end;
  while (j < end + BLANKS && tokens[j]?.type === 'line') j++;
  return i === first && (j >= tokens.length || tokens[j]?.type === 'fence');
}
