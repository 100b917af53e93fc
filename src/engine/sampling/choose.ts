import type { Random } from './random.ts';

/** Tokens whose probability is below e^−NEGLIGIBLE of the likeliest one's are never drawn. */
const NEGLIGIBLE = 20;

/** The next token from one row of logits: greedy at temperature 0, else drawn from the smallest set of tokens whose
 * probability reaches topP. Nothing is sorted but the candidates: tokens below (1 − topP)/V cannot be in that set,
 * since all of them together weigh less than 1 − topP. */
export function chooseToken(logits: Float32Array, temperature: number, topP: number, next: Random): number {
  let best = 0;
  let top = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i] as number;
    if (logit > top) {
      top = logit;
      best = i;
    }
  }
  if (temperature === 0) return best;

  const cutoff = top - NEGLIGIBLE * temperature;
  const candidates: { token: number; weight: number }[] = [];
  let total = 0;
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i] as number;
    if (logit < cutoff) continue;
    const weight = Math.exp((logit - top) / temperature);
    total += weight;
    candidates.push({ token: i, weight });
  }
  const floor = (total * (1 - topP)) / logits.length;
  const sorted = candidates
    .filter(({ weight }) => weight >= floor)
    .sort((a, b) => b.weight - a.weight || a.token - b.token);

  // The likeliest token stays in, even at topP 0.
  let kept = 1;
  let nucleus = sorted[0]?.weight as number;
  while (kept < sorted.length && nucleus < topP * total) nucleus += sorted[kept++]?.weight as number;
  let point = next() * nucleus;
  for (const { token, weight } of sorted.slice(0, kept)) {
    point -= weight;
    if (point < 0) return token;
  }
  return sorted[kept - 1]?.token as number;
}
