import { totalmem } from 'node:os';
import type { LlamaConfig } from '../../engine/llama/config.ts';
import { parameterCount } from '../../engine/llama/parameters.ts';

/** Bytes that each use of a model is expected to take at its most. */
export interface MemoryNeeds {
  /** Many judgments at a time. */
  readonly sampling: number;
  /** A LoRA training. */
  readonly lora: number;
  /** A training of all weights. */
  readonly training: number;
}

/** What a full batch of judgments is taken to be: two workers of 64 sequences, a prompt and a thought of together so many tokens. */
const SEQUENCES = 128;
const TOKENS = 512;
/** Tokens of a micro-batch, in rows of TOKENS. */
const MICRO = 1024;
/** Parameters up to which two micro-batches run at a time (engine/parallel/pool.ts). */
const LARGE = 64e6;
/** Node, the runtime, and what they work with. */
const BASE = 0.3e9;

/** All numbers are float32, 4 bytes. With P parameters, L layers, H hidden, F intermediate, V vocabulary, K key heads and h query
 * heads of size d, N tokens in a micro-batch of rows of T:
 *   sampling = 4 P + 4 · 2 L K d · SEQUENCES · T           weights; keys and values of every position
 *   A        = 4 N (L (10 H + 4 F + 2 h T) + 3 V)          what a micro-batch keeps for its gradient: inputs of the products,
 *                                                          attention before and after its softmax, logits of every token
 *   lora     = 4 P + A                                     the adapter's own numbers are few
 *   training = 4 P · 5 + A                                 weights, gradient, two moments of AdamW, the gradient of a micro-batch
 * and BASE for each; of models of up to LARGE parameters two micro-batches are in memory at a time. It rests on how the engine holds these arrays, and on the peaks of one checkpoint of 134.5 million parameters
 * (docs/log.md): an estimate, not a bound. Longer rows take more, fewer sequences at a time less. */
export function memoryNeeds(config: LlamaConfig): MemoryNeeds {
  const { numHiddenLayers, hiddenSize, intermediateSize, vocabSize } = config;
  const { numAttentionHeads, numKeyValueHeads, headDim } = config;
  const weights = 4 * parameterCount(config);
  const position = 4 * 2 * numHiddenLayers * numKeyValueHeads * headDim;
  const layer = 10 * hiddenSize + 4 * intermediateSize + 2 * numAttentionHeads * TOKENS;
  const parallel = weights > 4 * LARGE ? 1 : 2;
  const kept = parallel * 4 * MICRO * (numHiddenLayers * layer + 3 * vocabSize);
  return {
    sampling: BASE + weights + position * SEQUENCES * TOKENS,
    lora: BASE + weights + kept,
    training: BASE + (4 + parallel) * weights + kept,
  };
}

/** What this process may have: a container's limit where there is one. */
export function machineMemory(): number {
  return Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY);
}
