import { COMMON, type Family } from '../family.ts';

/** Llama with matrices that are several in one. Its way to long texts (longrope) is run as far as texts of the first length go: beyond
 * them every position of a text turns otherwise, also those that are in a cache already. */
export const phi3: Family = {
  ...COMMON,
  name: 'Phi-3',
  architecture: 'Phi3ForCausalLM',
  switches: [],
  biases: () => [],
  fused: true,
  windows: { slides: () => true, listed: false },
  ropeScaling: ['longrope'],
  defaults: {
    vocab_size: 32_064,
    hidden_size: 3072,
    intermediate_size: 8192,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-5,
    pad_token_id: 32_000,
    bos_token_id: 1,
    eos_token_id: 32_000,
  },
};
