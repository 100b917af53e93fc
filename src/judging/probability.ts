import type { Generation, TokenLogprob } from '../model.ts';
import type { Order } from '../types.ts';

/** What the letter that is not among the alternatives may have at most, where it may be taken for none. */
const NEGLIGIBLE = 0.01;

/** P(A is better) by the probabilities of the verdict's letter: p(A) / (p(A) + p(B)) over the alternatives at the token that
 * holds it. `at` is where the letter stands in the text. Null where the model gave no log-probabilities, neither letter, or one
 * letter alone with so few alternatives that the other may have more than a hundredth. */
export function verdictProbability(generation: Generation, at: number, order: Order): number | null {
  const found = tokenAt(generation, at);
  if (found === null) return null;
  const { token, logprob, top, offset } = found;
  const named = (letter: string) => token.slice(0, offset) + letter + token.slice(offset + 1);
  const mass = (letter: string) => {
    const other = top.find((other) => other.token === named(letter));
    if (other) return Math.exp(other.logprob);
    return token === named(letter) ? Math.exp(logprob) : 0;
  };
  const [a, b] = [mass('A'), mass('B')];
  if (a + b === 0) return null;
  if (a * b === 0 && unseen(found) > NEGLIGIBLE) return null;
  return order === 'ab' ? a / (a + b) : b / (a + b);
}

/** The most that a token beside the alternatives can have: no more than the least of them, nor than what they leave. */
function unseen({ token, top }: TokenLogprob): number {
  const others = top.filter((other) => other.token !== token);
  if (others.length === 0) return 1;
  const known = top.map(({ logprob }) => Math.exp(logprob));
  return Math.min(...known, 1 - known.reduce((sum, value) => sum + value, 0));
}

/** The token that holds a character of the text, and where in it. Tokens do not always join to the text: the first may have a
 * space more, the last may be the end's own sign, and a character that is spread over several shows as none of them. So the
 * rest of the text is looked for from their end, else the place is counted from their beginning. */
function tokenAt(
  { text, logprobs = [] }: Generation,
  at: number,
): (TokenLogprob & { readonly offset: number }) | null {
  const joined = logprobs.map(({ token }) => token).join('');
  const fromEnd = joined.lastIndexOf(text.slice(at));
  const place = fromEnd < 0 ? at : fromEnd;
  if (joined[place] !== text[at]) return null;
  let start = 0;
  for (const one of logprobs) {
    if (place < start + one.token.length) return { ...one, offset: place - start };
    start += one.token.length;
  }
  return null;
}
