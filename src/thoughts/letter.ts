import type { Generation, Sampling } from '../model.ts';
import { random } from '../random.ts';

/** How a verdict's letter is asked for: the probabilities of its token are wanted, not the token. */
export const LETTER = {
  sampling: { temperature: 0, topP: 1, maxTokens: 1 } satisfies Sampling,
  logprobs: 20,
  choices: ['A', 'B'],
} as const;

/** log p(A) − log p(B) of the next token. A letter that is not among the alternatives has as much as the least of them has, at most: so
 * much is taken for it, and where neither is there, both are alike. */
export function letterLogOdds({ logprobs = [] }: Pick<Generation, 'logprobs'>): number {
  const [first] = logprobs;
  if (first === undefined) return 0;
  const all = new Map([first, ...first.top].map(({ token, logprob }) => [token, logprob]));
  const least = Math.min(...all.values());
  const mass = (letter: string) => {
    const own = [...all].filter(([token]) => token.replace(/^\s+|\]+\s*$/g, '') === letter);
    return own.length === 0 ? least : Math.log(own.reduce((sum, [, logprob]) => sum + Math.exp(logprob), 0));
  };
  const odds = mass('A') - mass('B');
  // Servers write what has no probability in many ways.
  return Number.isNaN(odds) ? 0 : odds;
}

/** Draws from p(A) = σ(odds / T), by its own seed: the same unit has the same letter in every run. At T = 0 the likelier one. */
export function drawLetter(odds: number, temperature: number, seed: number): 'A' | 'B' {
  if (temperature === 0) return odds >= 0 ? 'A' : 'B';
  return random(seed)() < 1 / (1 + Math.exp(-odds / temperature)) ? 'A' : 'B';
}
