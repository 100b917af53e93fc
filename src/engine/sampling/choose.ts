import type { Random } from './random.ts';

/** Tokens whose probability is below e^−NEGLIGIBLE of the likeliest one's are never drawn. */
const NEGLIGIBLE = 20;
/** Candidates are put into this many intervals of logits, the highest first; only two of them are ever sorted. So many that few
 * share one where thousands are likely. */
const BINS = 2048;
const SCALE = (BINS - 1) / NEGLIGIBLE;

/** Candidates of the row at hand: used and forgotten at each call, since a flat distribution has as many as there are
 * tokens. */
let tokens = new Int32Array(0);
let weights = new Float64Array(0);
let bins = new Uint16Array(0);
const mass = new Float64Array(BINS);

/** e^(−i / STEPS) for exponents down to −NEGLIGIBLE. */
const STEPS = 64;
const powers = Float64Array.from({ length: NEGLIGIBLE * STEPS + 2 }, (_, i) => Math.exp(-i / STEPS));

/** e^−z for 0 ≤ z ≤ NEGLIGIBLE to 11 digits, in half the time of Math.exp, which is most of a draw's: a table for the steps,
 * and the series to z⁴ for the rest. */
function decay(z: number): number {
  const steps = z * STEPS;
  const step = steps | 0;
  const f = (steps - step) * (1 / STEPS);
  return (powers[step] as number) * (1 - f * (1 - f * (1 / 2 - f * (1 / 6 - f / 24))));
}

/** The next token from one row of logits: greedy at temperature 0, else drawn from the smallest set of tokens whose
 * probability reaches topP. The vocabulary is not sorted: intervals of logits with their mass say where that set ends and
 * where the draw falls, and the order matters within these two intervals only. */
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

  if (tokens.length < logits.length) {
    tokens = new Int32Array(logits.length);
    weights = new Float64Array(logits.length);
    bins = new Uint16Array(logits.length);
  }
  const sharpness = 1 / temperature;
  let count = 0;
  let total = 0;
  mass.fill(0);
  for (let i = 0; i < logits.length; i++) {
    const logit = logits[i] as number;
    const z = (top - logit) * sharpness;
    // z is no number where the temperature is next to nothing, or a logit is none.
    if (!(z <= NEGLIGIBLE)) continue;
    const weight = decay(z);
    const bin = (z * SCALE) | 0;
    total += weight;
    mass[bin] = (mass[bin] as number) + weight;
    tokens[count] = i;
    weights[count] = weight;
    bins[count++] = bin;
  }
  if (count === 0) return best;

  // The set ends in the first interval that brings it to topP; the likeliest token stays in, even at topP 0.
  const wanted = topP * total;
  let last = 0;
  let nucleus = 0;
  while (last < BINS - 1 && nucleus + (mass[last] as number) < wanted) nucleus += mass[last++] as number;
  const edge: number[] = [];
  for (const candidate of ordered(last, count)) {
    edge.push(candidate);
    nucleus += weights[candidate] as number;
    if (nucleus >= wanted) break;
  }

  let point = next() * nucleus;
  let bin = 0;
  while (bin < last && point >= (mass[bin] as number)) point -= mass[bin++] as number;
  const drawn = bin < last ? ordered(bin, count) : edge;
  for (const candidate of drawn) {
    point -= weights[candidate] as number;
    if (point < 0) return tokens[candidate] as number;
  }
  // Rounding may leave the point at the very end.
  return tokens[drawn.at(-1) as number] as number;
}

/** The candidates of an interval, the likeliest first, equals by token. */
function ordered(bin: number, count: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < count; i++) if (bins[i] === bin) found.push(i);
  return found.sort((a, b) => (weights[b] as number) - (weights[a] as number) || a - b);
}
