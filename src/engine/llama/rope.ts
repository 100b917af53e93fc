import { rotaryAngles } from '../ops/rotary.ts';
import type { Rope, RopeScaling } from './config.ts';

type Scale = (frequency: number) => number;
const { fround } = Math;

/** Llama 3.1: wavelengths beyond L / low are divided by the factor, those below L / high are kept, and those between are
 * mixed; L is the length of the texts that the frequencies were first trained on. */
function llama3(scaling: Extract<RopeScaling, { type: 'llama3' }>): Scale {
  const { factor, lowFreqFactor: low, highFreqFactor: high, originalMaxPositionEmbeddings } = scaling;
  return (frequency) => {
    // torch divides a number by a tensor by multiplying with the reciprocal.
    const wavelength = fround(fround(1 / frequency) * fround(2 * Math.PI));
    const turns = fround(fround(1 / wavelength) * originalMaxPositionEmbeddings);
    const kept = Math.min(1, Math.max(0, fround(fround(turns - low) / (high - low))));
    return fround(fround(fround(1 - kept) * frequency) / factor) + fround(kept * frequency);
  };
}

function scaleOf(scaling: RopeScaling | undefined): Scale {
  if (scaling?.type === 'llama3') return llama3(scaling);
  return (frequency) => frequency / (scaling?.factor ?? 1);
}

/** Radians per position of the pairs of a head, θ^(−2i/d) for i < d/2, scaled; rounded to float32 at each step
 * as transformers computes them, since far positions multiply the difference. */
function frequencies({ ropeTheta, ropeScaling }: Rope, headDim: number): number[] {
  const scale = scaleOf(ropeScaling);
  return Array.from({ length: headDim / 2 }, (_, i) =>
    fround(scale(fround(1 / fround(ropeTheta ** fround((2 * i) / headDim))))),
  );
}

/** cos and sin of the first positions, [length, d/2] each. */
export function rotaryTable(
  rope: Rope,
  headDim: number,
  length: number,
): { cos: Float32Array; sin: Float32Array } {
  return rotaryAngles(length, frequencies(rope, headDim));
}
