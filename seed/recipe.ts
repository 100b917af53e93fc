import type { LlamaConfig } from '../src/engine/llama/config.ts';
import { judgeFileOf } from '../src/pipeline/judge-file.ts';
import { BOS_ID, EOS_ID, PAD_ID, VOCAB } from '../src/playground/tokenizer.ts';
import { PLAYGROUND_PROMPTS } from '../src/prompts/set.ts';

/** The shape of M0. */
export const CONFIG: LlamaConfig = {
  vocabSize: VOCAB.length,
  hiddenSize: 128,
  intermediateSize: 352,
  numHiddenLayers: 4,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  headDim: 32,
  maxPositionEmbeddings: 256,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: true,
  bosTokenId: BOS_ID,
  eosTokenIds: [EOS_ID],
  padTokenId: PAD_ID,
};

/** What M0 knows: the whole thought in the playground's words. */
export const JUDGE = judgeFileOf('playground', PLAYGROUND_PROMPTS, {
  form: 'planned',
  maxTokens: { plan: 96, thought: 144 },
  sources: ['general', 'math'],
  trained: { judge: 'M0', seed: 1, rounds: 0, pairs: 0 },
});

/** How M0 is pre-trained: AdamW, warm-up and cosine, the loss on completions only. */
export const RECIPE = {
  seed: 1,
  steps: 6_000,
  examplesPerStep: 64,
  learningRate: 3e-3,
  learningRateFloor: 0.03,
  warmupSteps: 150,
  betas: [0.9, 0.95],
  weightDecay: 0.1,
  maxGradNorm: 1,
} as const;
