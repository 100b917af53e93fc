import type { RunConfig } from '../../config.ts';

/** `tiny` is for tests: all stages in seconds, and no figures worth reading. */
export type PresetName = 'quick' | 'full' | 'tiny';

/** What all presets share: the method's own settings where it states them (5 plans, temperature 0.8, top-p 0.95), the
 * playground's learning rates elsewhere (docs/log.md). */
const COMMON = {
  seed: 0,
  pairs: { solutions: 8, answerTemperature: 0, temperature: 0.8, topP: 0.95, maxTokens: 40 },
  thoughts: {
    plans: 5,
    executions: 4,
    temperature: 0.8,
    topP: 0.95,
    maxPlanTokens: 48,
    maxThoughtTokens: 144,
  },
  preferences: {
    pairing: 'both',
    maxPerPair: 8,
    maxPerGroup: 8,
    balanceVerdicts: false,
    minCorrectShare: 0.25,
  },
  optimiser: {
    weightDecay: 0.1,
    betas: [0.9, 0.95],
    maxGradNorm: 1,
    maxLength: 256,
    checkpoints: 3,
  },
} as const;

export const PRESETS: Readonly<Record<PresetName, RunConfig>> = {
  quick: {
    ...COMMON,
    instructions: {
      d1: { general: 400, math: 250 },
      d2: { general: 500, math: 300 },
      validation: { general: 200, math: 120 },
    },
    sft: { learningRate: 5e-4, warmupSteps: 5, epochs: 1, batchSize: 32, thoughtsPerPair: 6, plans: 'best' },
    dpo1: { learningRate: 4e-4, warmupSteps: 5, epochs: 1, batchSize: 32, beta: 0.1, nllWeight: 0.5 },
    dpo2: { learningRate: 1e-4, warmupSteps: 5, epochs: 1, batchSize: 32, beta: 0.1, nllWeight: 1 },
    direct: { learningRate: 5e-4, warmupSteps: 5, epochs: 12, batchSize: 32 },
    controls: ['direct'],
    evaluation: { split: 'test', pairsPerDomain: 400 },
  },
  full: {
    ...COMMON,
    instructions: {
      d1: { general: 600, math: 400 },
      d2: { general: 1000, math: 600 },
      validation: { general: 300, math: 200 },
    },
    sft: { learningRate: 5e-4, warmupSteps: 20, epochs: 1, batchSize: 32, thoughtsPerPair: 6, plans: 'best' },
    dpo1: { learningRate: 3e-4, warmupSteps: 20, epochs: 1, batchSize: 32, beta: 0.1, nllWeight: 0.5 },
    dpo2: { learningRate: 1e-4, warmupSteps: 20, epochs: 1, batchSize: 32, beta: 0.1, nllWeight: 1 },
    direct: { learningRate: 5e-4, warmupSteps: 20, epochs: 10, batchSize: 32 },
    controls: ['direct', 'unplanned'],
    evaluation: { split: 'test', pairsPerDomain: 400 },
  },
  tiny: {
    ...COMMON,
    thoughts: { ...COMMON.thoughts, plans: 2, executions: 2 },
    instructions: {
      d1: { general: 12, math: 12 },
      d2: { general: 12, math: 12 },
      validation: { general: 4, math: 6 },
    },
    sft: { learningRate: 5e-4, warmupSteps: 1, epochs: 1, batchSize: 8, thoughtsPerPair: 2, plans: 'best' },
    dpo1: { learningRate: 4e-4, warmupSteps: 1, epochs: 1, batchSize: 8, beta: 0.1, nllWeight: 0.5 },
    dpo2: { learningRate: 4e-4, warmupSteps: 1, epochs: 1, batchSize: 8, beta: 0.1, nllWeight: 0.5 },
    direct: { learningRate: 5e-4, warmupSteps: 1, epochs: 1, batchSize: 8 },
    controls: ['direct', 'unplanned'],
    evaluation: { split: 'dev', pairsPerDomain: 6 },
  },
};
