import type { Device } from '../device.ts';
import type { LlamaConfig } from '../llama/config.ts';
import type { LoraConfig } from '../lora/adapter.ts';
import type { Quantization } from '../quantization.ts';
import type { ChosenToken, Sample, SampleRequest } from '../sampling/sample.ts';
import type { AdamWArrays, AdamWUpdate, Stretch } from '../training/adamw.ts';
import type { MicroBatch } from '../training/sequence.ts';

/** One micro-batch's part of a step. Its gradient is added to those before it; `first` is the first. */
export interface GradientTask {
  readonly kind: 'sft' | 'dpo' | 'logp';
  readonly micro: MicroBatch;
  readonly first: boolean;
  /** Of the runtime; 1 when absent. */
  readonly threads?: number;
  /** DPO only; see dpoGraph. */
  readonly beta?: number;
  readonly reference?: Float32Array;
  readonly pairWeights?: Float32Array;
}

export interface GradientResult {
  readonly loss: number;
  /** [R] */
  readonly logp: Float32Array;
}

/** What the main thread tells a worker. A worker holds one model; weights and gradients are shared memory. */
export type ToWorker =
  | {
      readonly type: 'model';
      readonly config: LlamaConfig;
      readonly weights: SharedArrayBuffer;
      /** Whether they are of float16; see HalfParameters. */
      readonly half: boolean;
      /** What gradients are for, in place of the weights. */
      readonly adapter?: { readonly lora: LoraConfig; readonly weights: SharedArrayBuffer };
      /** Of the runtime, for sampling. */
      readonly threads: number;
      readonly device: Device;
      readonly quantization: Quantization | undefined;
      /** Sequences sampled at a time. */
      readonly slots: number;
    }
  | {
      readonly type: 'gradient';
      readonly task: GradientTask;
      /** The sum of all tasks' gradients; each tensor of each is added when `turn` is at the task's index there. */
      readonly gradient: SharedArrayBuffer;
      readonly index: number;
      readonly turn: SharedArrayBuffer;
    }
  /** The sum of squares of a part of the gradient. */
  | { readonly type: 'squares'; readonly gradient: Float32Array; readonly stretches: readonly Stretch[] }
  /** A part of an optimiser step. */
  | {
      readonly type: 'update';
      readonly arrays: AdamWArrays;
      readonly stretches: readonly Stretch[];
      readonly update: AdamWUpdate;
    }
  | { readonly type: 'sample'; readonly run: number; readonly capacity: number; readonly live: boolean }
  /** Requests for a sampling run in progress; none: no more will come. */
  | { readonly type: 'requests'; readonly run: number; readonly requests: readonly SampleRequest[] }
  /** Give up single requests of a run. */
  | { readonly type: 'drop'; readonly run: number; readonly indices: readonly number[] }
  /** Give up a sampling run: what is in flight is dropped. */
  | { readonly type: 'cancel'; readonly run: number }
  /** End the thread, after the call of the runtime that is in progress. */
  | { readonly type: 'close' };

export type FromWorker =
  | { readonly type: 'gradient'; readonly result: GradientResult }
  | { readonly type: 'squares'; readonly sum: number }
  | { readonly type: 'updated' }
  | { readonly type: 'samples'; readonly run: number; readonly samples: readonly Sample[] }
  /** What a step chose, for requests that watch. */
  | { readonly type: 'tokens'; readonly run: number; readonly tokens: readonly ChosenToken[] }
  /** The worker's queue runs low. */
  | { readonly type: 'hungry'; readonly run: number }
  | { readonly type: 'sampled'; readonly run: number }
  | { readonly type: 'failed'; readonly message: string };
