import { numbers } from '../ops/finite-difference.contract.ts';
import type { LlamaConfig } from './config.ts';
import { Parameters } from './parameters.ts';

/** Two query heads on each key head, two layers, an output head of its own: small, yet nothing is left out. */
export const TINY: LlamaConfig = {
  vocabSize: 23,
  hiddenSize: 16,
  intermediateSize: 20,
  numHiddenLayers: 2,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  headDim: 16, // the runtime rotates heads of a multiple of 16
  maxPositionEmbeddings: 64,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: false,
  bosTokenId: 0,
  eosTokenId: 1,
  padTokenId: 2,
};

/** Weights large enough that attention is far from uniform and every layer matters. */
export function tinyParameters(change: Partial<LlamaConfig> = {}): Parameters {
  const parameters = new Parameters({ ...TINY, ...change });
  for (const [i, { name, shape }] of parameters.shapes.entries()) {
    const view = parameters.get(name);
    const gain = shape.length === 1;
    view.set(numbers(view.length, i + 1, gain ? 0.4 : 0.6).map((value) => (gain ? 1 + value : value)));
  }
  return parameters;
}

/** The same weights in double precision, by name. */
export function exactWeights(parameters: Parameters): Map<string, Float64Array> {
  return new Map(parameters.shapes.map(({ name }) => [name, Float64Array.from(parameters.get(name))]));
}

/** `count` token ids of the tiny vocabulary, special ones left out. */
export function tokens(count: number, seed: number): number[] {
  return numbers(count, seed).map((value) => 3 + Math.floor(((value + 1) / 2) * (TINY.vocabSize - 3)));
}
