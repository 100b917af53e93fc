import { rotaryAngles } from '../ops/rotary.ts';
import type { Rope, RopeScaling } from './config.ts';

/** A frequency θ^(−2i/d), scaled; `power` is θ^(2i/d). */
type Scale = (frequency: number, i: number, power: number) => number;
const { fround } = Math;
const clamped = (share: number) => Math.min(1, Math.max(0, share));

/** Llama 3.1: wavelengths beyond L / low are divided by the factor, those below L / high are kept, and those between are
 * mixed; L is the length of the texts that the frequencies were first trained on. */
function llama3(scaling: Extract<RopeScaling, { type: 'llama3' }>): Scale {
  const { factor, lowFreqFactor: low, highFreqFactor: high, originalMaxPositionEmbeddings } = scaling;
  return (frequency) => {
    // torch divides a number by a tensor by multiplying with the reciprocal.
    const wavelength = fround(fround(1 / frequency) * fround(2 * Math.PI));
    const turns = fround(fround(1 / wavelength) * originalMaxPositionEmbeddings);
    const kept = clamped(fround(fround(turns - low) / (high - low)));
    return fround(fround(fround(1 - kept) * frequency) / factor) + fround(kept * frequency);
  };
}

/** YaRN (arXiv 2309.00071): dimensions that turn more than betaFast times in the first length are kept, those that turn less than
 * betaSlow times are divided by the factor, and those between are mixed. */
function yarn(scaling: Extract<RopeScaling, { type: 'yarn' }>, theta: number, headDim: number): Scale {
  const { factor, betaFast, betaSlow, originalMaxPositionEmbeddings: length, truncate } = scaling;
  const dimension = (turns: number) =>
    (headDim * Math.log(length / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [dimension(betaFast), dimension(betaSlow)];
  const low = Math.max(0, truncate ? Math.floor(first) : first);
  const end = Math.min(headDim - 1, truncate ? Math.ceil(last) : last);
  const high = low === end ? end + 0.001 : end;
  return (frequency, i, power) => {
    const divided = clamped(fround(fround(i - low) / fround(high - low)));
    const kept = fround(1 - divided);
    const stretched = fround(1 / fround(factor * power));
    return fround(stretched * fround(1 - kept)) + fround(frequency * kept);
  };
}

/** LongRoPE (arXiv 2402.13753), within the first length: a divisor for every dimension. */
function longrope({ shortFactor }: Extract<RopeScaling, { type: 'longrope' }>): Scale {
  return (_, i, power) => fround(1 / fround(fround(shortFactor[i] as number) * power));
}

function scaleOf({ ropeTheta, ropeScaling: scaling }: Rope, headDim: number): Scale {
  if (scaling?.type === 'llama3') return llama3(scaling);
  if (scaling?.type === 'yarn') return yarn(scaling, ropeTheta, headDim);
  if (scaling?.type === 'longrope') return longrope(scaling);
  return (frequency) => frequency / (scaling?.factor ?? 1);
}

/** Radians per position of the pairs of a head, θ^(−2i/d) for i < d/2, scaled; rounded to float32 at each step
 * as transformers computes them, since far positions multiply the difference. */
export function frequencies(rope: Rope, headDim: number): number[] {
  const scale = scaleOf(rope, headDim);
  return Array.from({ length: headDim / 2 }, (_, i) => {
    const power = fround(rope.ropeTheta ** fround((2 * i) / headDim));
    return fround(scale(fround(1 / power), i, power));
  });
}

/** cos and sin of the first positions, [length, d/2] each. */
export function rotaryTable(
  rope: Rope,
  headDim: number,
  length: number,
): { cos: Float32Array; sin: Float32Array } {
  const { ropeScaling: scaling } = rope;
  const factor = scaling && 'attentionFactor' in scaling ? scaling.attentionFactor : 1;
  return rotaryAngles(length, frequencies(rope, headDim), factor);
}
