import type { LlamaConfig } from '../../src/engine/llama/config.ts';

/** Adam's settings of the presets. The rate is so small that weights stay what they are, and with them the texts. */
export interface TrainingSettings {
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly betas: readonly [number, number];
  readonly maxGradNorm: number;
}

export const TRAINING: TrainingSettings = {
  learningRate: 1e-7,
  weightDecay: 0.1,
  betas: [0.9, 0.95],
  maxGradNorm: 1,
};
export const DPO = { beta: 0.1, nllWeight: 0.5 };

/** Seconds of a round. A side that is through sooner begins again: passes of half a second measure what else the machine did in
 * that time. */
export const ROUND = 3;

export interface SamplingSettings {
  readonly samples: number;
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topP: number;
  /** What ends a text: its end token or maxTokens; maxTokens alone; or, for weights that write no thoughts, the length of a playground
   * thought of its prompt. */
  readonly ends: 'eos' | 'count' | 'length';
}

/** Those that are measured. `ours-int8`: ours, sampling in 8-bit integers. */
export type Who =
  | ('ours' | 'ours-int8' | 'pytorch' | 'transformers' | 'trl')
  | ('trl-fp32' | 'trl-bf16' | 'vllm' | 'llama.cpp');
export type Task = 'sft' | 'dpo' | 'sampling';
export type Peers = Readonly<Record<Task, readonly Who[]>>;

const PEERS: Peers = { sft: ['pytorch', 'trl'], dpo: ['trl'], sampling: ['ours-int8', 'transformers'] };

/** What is measured on one model. */
export interface Workload {
  readonly model: 'seed' | '30m' | 'real';
  /** Who is measured beside ours in a task. */
  readonly peers: Peers;
  readonly rounds: number;
  /** Optimiser steps of a pass, and rows (SFT) or pairs (DPO) of a step. */
  readonly batches: number;
  readonly batchSize: number;
  readonly prompts: number;
  readonly sampling: SamplingSettings;
}

const sampling = { samples: 8, maxTokens: 144, temperature: 0.8, topP: 0.95 };

export const WORKLOADS: readonly Workload[] = [
  {
    model: 'seed',
    peers: PEERS,
    rounds: 5,
    batches: 8,
    batchSize: 32,
    prompts: 64,
    sampling: { ...sampling, ends: 'eos' },
  },
  {
    model: '30m',
    peers: PEERS,
    rounds: 3,
    batches: 2,
    batchSize: 16,
    prompts: 64,
    sampling: { ...sampling, ends: 'length' },
  },
];

export const QUICK: readonly Workload[] = [
  {
    model: 'seed',
    peers: PEERS,
    rounds: 3,
    batches: 4,
    batchSize: 32,
    prompts: 64,
    sampling: { ...sampling, ends: 'eos' },
  },
];

/** A pretrained model of 135 M parameters, on judge prompts and thoughts in words of people. */
export const REAL: Workload = {
  model: 'real',
  peers: {
    sft: ['trl-fp32', 'trl-bf16'],
    dpo: ['trl-fp32', 'trl-bf16'],
    sampling: ['ours-int8', 'vllm', 'llama.cpp'],
  },
  rounds: 3,
  batches: 1,
  batchSize: 4,
  prompts: 16,
  sampling: { samples: 8, maxTokens: 64, temperature: 0.8, topP: 0.95, ends: 'count' },
};

/** A Llama of 30 M parameters. */
export const LLAMA_30M: LlamaConfig = {
  vocabSize: 8192,
  hiddenSize: 512,
  intermediateSize: 1408,
  numHiddenLayers: 8,
  numAttentionHeads: 8,
  numKeyValueHeads: 4,
  headDim: 64,
  maxPositionEmbeddings: 4096,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: true,
  bosTokenId: 1,
  eosTokenIds: [2],
  padTokenId: 0,
};

/** Tokens of the long training step. */
export const LONG = 4096;

/** Qwen2-0.5B's shape: 494 M parameters. */
export const QWEN_500M: LlamaConfig = {
  modelType: 'qwen2',
  vocabSize: 151_936,
  hiddenSize: 896,
  intermediateSize: 4864,
  numHiddenLayers: 24,
  numAttentionHeads: 14,
  numKeyValueHeads: 2,
  headDim: 64,
  maxPositionEmbeddings: 32_768,
  rmsNormEps: 1e-6,
  ropeTheta: 1_000_000,
  tieWordEmbeddings: true,
  bosTokenId: 151_643,
  eosTokenIds: [151_643],
  padTokenId: 151_643,
};

/** On every linear layer; tokens of the row that a step takes. */
export const LORA = { rank: 8, alpha: 16, length: 512 };
