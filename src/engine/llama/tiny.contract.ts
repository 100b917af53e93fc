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
  headDim: 16,
  maxPositionEmbeddings: 64,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: false,
  bosTokenId: 0,
  eosTokenIds: [1],
  padTokenId: 2,
};

const YARN = {
  type: 'yarn',
  factor: 4,
  attentionFactor: 1.2,
  betaFast: 4,
  betaSlow: 1,
  originalMaxPositionEmbeddings: 32,
  truncate: true,
} as const;
const sliding = (...layers: number[]) => layers.map((flag) => ({ sliding: flag === 1, rotated: true }));

/** What a checkpoint of the families that this engine runs may be, as changes of a tiny one. */
export const SHAPES: readonly (readonly [name: string, change: Partial<LlamaConfig>])[] = [
  ['grouped keys', {}],
  ['tied, one key head', { tieWordEmbeddings: true, numKeyValueHeads: 1 }],
  ['every head its own key', { numKeyValueHeads: 4 }],
  ['heads wider than the hidden state', { headDim: 6 }],
  ['biases everywhere', { attentionBias: true, mlpBias: true }],
  ['linear scaling', { ropeScaling: { type: 'linear', factor: 4 } }],
  [
    'llama3 scaling', // some wavelengths kept, some stretched, some between
    {
      headDim: 8,
      ropeScaling: {
        type: 'llama3',
        factor: 8,
        lowFreqFactor: 1,
        highFreqFactor: 4,
        originalMaxPositionEmbeddings: 64,
      },
    },
  ],
  [
    'longrope',
    {
      headDim: 8,
      modelType: 'phi3',
      ropeScaling: {
        type: 'longrope',
        shortFactor: [1, 1.25, 2, 3.5],
        longFactor: [1.5, 3, 9, 30],
        attentionFactor: 1.19,
        originalMaxPositionEmbeddings: 64,
        maxPositionEmbeddings: 512,
      },
    },
  ],
  ['yarn scaling', { headDim: 16, ropeTheta: 100, ropeScaling: YARN }],
  [
    'yarn scaling, bounds as they come',
    { headDim: 16, ropeTheta: 100, ropeScaling: { ...YARN, truncate: false } },
  ],
  ['qwen2', { modelType: 'qwen2', headDim: 10, tieWordEmbeddings: true }],
  ['qwen3', { modelType: 'qwen3', headDim: 24 }],
  ['mistral, a window in all layers', { modelType: 'mistral', slidingWindow: 3, layers: sliding(1, 1) }],
  ['qwen2, a window in one layer', { modelType: 'qwen2', slidingWindow: 2, layers: sliding(0, 1) }],
  [
    'smollm3, the second layer without positions',
    {
      modelType: 'smollm3',
      layers: [
        { sliding: false, rotated: true },
        { sliding: false, rotated: false },
      ],
    },
  ],
  ['olmo2', { modelType: 'olmo2', headDim: 6 }],
  ['phi3, a window', { modelType: 'phi3', headDim: 8, slidingWindow: 4, layers: sliding(1, 1) }],
  [
    'gemma3',
    {
      modelType: 'gemma3_text',
      tieWordEmbeddings: true,
      headDim: 12,
      ropeTheta: 1e6,
      localRope: { ropeTheta: 100 },
      queryPreAttnScalar: 7,
      slidingWindow: 3,
      layers: sliding(1, 0),
    },
  ],
  ['qwen3 with biases', { modelType: 'qwen3', headDim: 2, attentionBias: true }],
];

/** Weights large enough that attention is far from uniform and every layer matters. */
export function randomParameters(config: LlamaConfig): Parameters {
  const parameters = new Parameters(config);
  for (const [i, { name, shape }] of parameters.shapes.entries()) {
    const view = parameters.get(name);
    const matrix = shape.length > 1;
    const mean = matrix || name.endsWith('.bias') || config.modelType === 'gemma3_text' ? 0 : 1;
    view.set(numbers(view.length, i + 1, matrix ? 0.6 : 0.4).map((value) => mean + value));
  }
  return parameters;
}

export const tinyParameters = (change: Partial<LlamaConfig> = {}): Parameters =>
  randomParameters({ ...TINY, ...change });

/** The same weights in double precision, by name. */
export function exactWeights(parameters: Parameters): Map<string, Float64Array> {
  return new Map(parameters.shapes.map(({ name }) => [name, Float64Array.from(parameters.get(name))]));
}

/** `count` token ids of the tiny vocabulary, special ones left out. */
export function tokens(count: number, seed: number): number[] {
  return numbers(count, seed).map((value) => 3 + Math.floor(((value + 1) / 2) * (TINY.vocabSize - 3)));
}
