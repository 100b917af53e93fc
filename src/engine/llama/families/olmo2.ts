import { ATTENTION, COMMON, type Family } from '../family.ts';

/** What attention and the MLP give is normalised, not what they take; and queries and keys, all heads as one. */
export const olmo2: Family = {
  ...COMMON,
  name: 'OLMo 2',
  architecture: 'Olmo2ForCausalLM',
  switches: ['attention_bias'],
  biases: ({ attentionBias }) => (attentionBias ? ATTENTION : []),
  norms: { afterAttention: 'post_attention_layernorm', afterMlp: 'post_feedforward_layernorm' },
  queryKeyNorm: 'whole',
  windows: null,
  defaults: {
    vocab_size: 50_304,
    hidden_size: 4096,
    intermediate_size: 11_008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    max_position_embeddings: 2048,
    rms_norm_eps: 1e-5,
    pad_token_id: 1,
    bos_token_id: null,
    eos_token_id: 50_279,
  },
};
