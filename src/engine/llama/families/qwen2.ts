import { COMMON, type Family, QUERY_KEY_VALUE } from '../family.ts';

/** Queries, keys and values have biases. */
export const qwen2: Family = {
  ...COMMON,
  name: 'Qwen 2',
  architecture: 'Qwen2ForCausalLM',
  switches: [],
  biases: () => QUERY_KEY_VALUE,
  windows: {
    slides: (fields, layer) =>
      fields.flag('use_sliding_window') && layer >= fields.whole('max_window_layers', 28),
    listed: true,
  },
  defaults: {
    vocab_size: 151_936,
    hidden_size: 4096,
    intermediate_size: 22_016,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    num_key_value_heads: 32,
    max_position_embeddings: 32_768,
    use_sliding_window: false,
    sliding_window: 4096,
    max_window_layers: 28,
    bos_token_id: null,
    eos_token_id: null,
  },
};
