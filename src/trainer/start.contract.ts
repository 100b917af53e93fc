import { writeCheckpoint } from '../engine/llama/checkpoint.ts';
import { tinyParameters } from '../engine/llama/tiny.contract.ts';
import { EOS_ID, tokenizerConfig, tokenizerJson, VOCAB } from '../playground/tokenizer.ts';
import type { Optimisation } from '../trainer.ts';

/** What tests train under: 14 rows are 12 steps, of which three leave a checkpoint. */
export const OPTIMISATION: Optimisation = {
  learningRate: 3e-3,
  warmupSteps: 1,
  weightDecay: 0.1,
  betas: [0.9, 0.95],
  maxGradNorm: 1,
  epochs: 3,
  batchSize: 4,
  maxLength: 64,
  seed: 5,
  checkpoints: 3,
};

/** Writes a tiny model with the playground's words. */
export async function writeStart(folder: string): Promise<void> {
  const change = {
    vocabSize: VOCAB.length,
    numHiddenLayers: 1,
    bosTokenId: 1,
    eosTokenIds: [EOS_ID],
    padTokenId: 0,
  };
  await writeCheckpoint(folder, tinyParameters(change), {
    extraFiles: {
      'tokenizer.json': JSON.stringify(tokenizerJson()),
      'tokenizer_config.json': JSON.stringify(tokenizerConfig()),
    },
  });
}
