import type { RunConfig } from '../../config.ts';

/** `tiny` is for tests: all stages in seconds, and no figures worth reading. */
export type PresetName = 'quick' | 'full' | 'tiny';

/** What all presets share: the method's own settings where it states them (5 plans, temperature 0.8, top-p 0.95), the
 * playground's learning rates elsewhere (docs/log.md). */
const COMMON = {
  seed: 0,
  prompts: 'playground',
  models: { judge: 'playground' },
  sources: {
    general: { kind: 'general', from: 'playground' },
    math: { kind: 'math', from: 'playground' },
  },
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
} as const satisfies Partial<RunConfig>;

export const PRESETS: Readonly<Record<PresetName, RunConfig>> = {
  quick: preset({
    warmupSteps: 5,
    batchSize: 32,
    d1: { general: 400, math: 250 },
    d2: { general: 500, math: 300 },
    validation: { general: 200, math: 120 },
    sft: { thoughtsPerPair: 6 },
    dpo1: { learningRate: 4e-4, nllWeight: 0.5 },
    dpo2: { learningRate: 1e-4, nllWeight: 1 },
    directEpochs: 12,
    unplanned: false,
    test: { split: 'test', pairs: { general: 400, math: 400 } },
  }),
  full: preset({
    warmupSteps: 20,
    batchSize: 32,
    d1: { general: 600, math: 400 },
    d2: { general: 1000, math: 600 },
    validation: { general: 300, math: 200 },
    sft: { thoughtsPerPair: 6 },
    dpo1: { learningRate: 3e-4, nllWeight: 0.5 },
    dpo2: { learningRate: 1e-4, nllWeight: 1 },
    directEpochs: 10,
    unplanned: true,
    test: { split: 'test', pairs: { general: 400, math: 400 } },
  }),
  tiny: {
    ...preset({
      warmupSteps: 1,
      batchSize: 8,
      d1: { general: 12, math: 12 },
      d2: { general: 12, math: 12 },
      validation: { general: 4, math: 6 },
      sft: { thoughtsPerPair: 2 },
      dpo1: { learningRate: 4e-4, nllWeight: 0.5 },
      dpo2: { learningRate: 4e-4, nllWeight: 0.5 },
      directEpochs: 1,
      unplanned: true,
      test: { split: 'dev', pairs: { general: 6, math: 6 } },
    }),
    thoughts: { ...COMMON.thoughts, plans: 2, executions: 2 },
  },
};

interface Sizes {
  readonly warmupSteps: number;
  readonly batchSize: number;
  readonly d1: Record<string, number>;
  readonly d2: Record<string, number>;
  readonly validation: Record<string, number>;
  readonly sft: { readonly thoughtsPerPair: number };
  readonly dpo1: { readonly learningRate: number; readonly nllWeight: number };
  readonly dpo2: { readonly learningRate: number; readonly nllWeight: number };
  readonly directEpochs: number;
  readonly unplanned: boolean;
  readonly test: RunConfig['test'];
}

/** Two rounds: SFT and DPO on D1, DPO on D2 (arXiv 2501.18099, section 3). */
function preset({
  warmupSteps,
  batchSize,
  d1,
  d2,
  validation,
  sft,
  dpo1,
  dpo2,
  test,
  ...rest
}: Sizes): RunConfig {
  const shared = { warmupSteps, batchSize };
  const dpo = { kind: 'dpo', epochs: 1, beta: 0.1, ...shared } as const;
  return {
    ...COMMON,
    rounds: [
      {
        pairs: d1,
        train: [
          { kind: 'sft', learningRate: 5e-4, epochs: 1, plans: 'best', ...shared, ...sft },
          { ...dpo, ...dpo1 },
        ],
      },
      { pairs: d2, train: [{ ...dpo, ...dpo2 }] },
    ],
    validation: { pairs: validation },
    test,
    controls: {
      direct: { learningRate: 5e-4, epochs: rest.directEpochs, ...shared },
      unplanned: rest.unplanned,
    },
  };
}
