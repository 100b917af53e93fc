import { ATTENTION, COMMON, type Family } from '../family.ts';

/** How many of these layers lie between two that see the whole text, and one. */
const PATTERN = 6;

/** The text model: norms before and after, with gains of 1 + weight; GeGLU; embeddings scaled; windows in most layers, which
 * have a rope of their own. */
export const gemma3: Family = {
  ...COMMON,
  name: 'Gemma 3',
  architecture: 'Gemma3ForCausalLM',
  switches: ['attention_bias'],
  biases: ({ attentionBias }) => (attentionBias ? ATTENTION : []),
  norms: {
    beforeAttention: 'input_layernorm',
    afterAttention: 'post_attention_layernorm',
    beforeMlp: 'pre_feedforward_layernorm',
    afterMlp: 'post_feedforward_layernorm',
  },
  queryKeyNorm: 'head',
  scaledEmbedding: true,
  unitGains: true,
  activation: 'gelu_tanh',
  localRope: true,
  windows: {
    slides: (fields, layer) =>
      (layer + 1) % fields.count('sliding_window_pattern', { absent: PATTERN }) !== 0,
    listed: true,
  },
  fixed: {
    hidden_activation: 'gelu_pytorch_tanh',
    attn_logit_softcapping: null,
    final_logit_softcapping: null,
    use_bidirectional_attention: false,
  },
  defaults: {
    vocab_size: 262_208,
    hidden_size: 2304,
    intermediate_size: 9216,
    num_hidden_layers: 26,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 256,
    max_position_embeddings: 131_072,
    query_pre_attn_scalar: 256,
    rope_theta: 1_000_000,
    rope_local_base_freq: 10_000,
    sliding_window: 4096,
    tie_word_embeddings: true,
    pad_token_id: 0,
    eos_token_id: 1,
    bos_token_id: 2,
  },
};
