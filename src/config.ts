import type { Pairing } from './preferences/pairing.ts';
import type { SftOptions } from './preferences/sft.ts';
import type { LoraOptions } from './trainer.ts';

/** Everything a run is a function of. Stored with the run; a folder only continues the run whose config it holds. */
export interface RunConfig {
  readonly seed: number;
  /** Instructions that are asked for response pairs, for each of the two sets and for validation. */
  readonly instructions: {
    readonly d1: DomainCounts;
    readonly d2: DomainCounts;
    readonly validation: DomainCounts;
  };
  readonly pairs: {
    /** Candidate solutions of each math problem. */
    readonly solutions: number;
    /** Of the answers that become chosen responses of general pairs. */
    readonly answerTemperature: number;
    /** Of modified instructions and of solutions. */
    readonly temperature: number;
    readonly topP: number;
    readonly maxTokens: number;
  };
  readonly thoughts: {
    /** |P|: plans of each response pair. */
    readonly plans: number;
    /** |E|/2: executions of each plan in each order. */
    readonly executions: number;
    readonly temperature: number;
    readonly topP: number;
    readonly maxPlanTokens: number;
    readonly maxThoughtTokens: number;
  };
  readonly preferences: {
    readonly pairing: Pairing;
    readonly maxPerPair: number;
    readonly maxPerGroup: number;
    readonly balanceVerdicts: boolean;
    /** Pairs whose thoughts are right less often than this are left out, from SFT too: most are labelled wrongly. */
    readonly minCorrectShare: number;
    /** Train only on correct thoughts that are correct in both orders (J1); absent: on all. */
    readonly consistent?: boolean;
  };
  readonly sft: StageOptimisation & Pick<SftOptions, 'thoughtsPerPair' | 'plans'>;
  readonly dpo1: DpoOptimisation;
  readonly dpo2: DpoOptimisation;
  readonly direct: StageOptimisation;
  readonly optimiser: {
    readonly weightDecay: number;
    readonly betas: readonly [number, number];
    readonly maxGradNorm: number;
    readonly maxLength: number;
    readonly checkpoints: number;
  };
  /** Which controls are trained beside the judge. */
  readonly controls: readonly ('direct' | 'unplanned')[];
  /** The set that is judged: `test`, or `dev` while something is tuned. */
  readonly evaluation: { readonly split: 'dev' | 'test'; readonly pairsPerDomain: number };
}

export interface DomainCounts {
  readonly general: number;
  readonly math: number;
}

export interface StageOptimisation {
  readonly learningRate: number;
  readonly warmupSteps: number;
  readonly epochs: number;
  readonly batchSize: number;
  /** Train an adapter in place of the weights. */
  readonly lora?: LoraOptions;
}

export interface DpoOptimisation extends StageOptimisation {
  readonly beta: number;
  readonly nllWeight: number;
}
