import { COMMON, type Family } from '../family.ts';

/** Llama without biases; all layers look back a window where config.json has one, as that of 7B v0.1 does. */
export const mistral: Family = {
  ...COMMON,
  name: 'Mistral',
  architecture: 'MistralForCausalLM',
  switches: [],
  biases: () => [],
  windows: { slides: () => true, listed: false },
  defaults: {
    vocab_size: 32_000,
    hidden_size: 4096,
    intermediate_size: 14_336,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 8,
    max_position_embeddings: 131_072,
    sliding_window: 4096,
    bos_token_id: 1,
    eos_token_id: 2,
  },
};
