import { ATTENTION, type Family } from '../family.ts';
import { qwen2 } from './qwen2.ts';

/** Queries and keys are normalised head by head; biases are a choice. */
export const qwen3: Family = {
  ...qwen2,
  name: 'Qwen 3',
  architecture: 'Qwen3ForCausalLM',
  switches: ['attention_bias'],
  biases: ({ attentionBias }) => (attentionBias ? ATTENTION : []),
  queryKeyNorm: 'head',
  defaults: { ...qwen2.defaults, head_dim: 128 },
};
