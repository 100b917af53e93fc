/** A checkpoint that reference.py makes: fields of config.json, and how it is stored. */
export interface Shape {
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly dtype?: 'float32' | 'bfloat16' | 'float16';
  /** The largest shard. */
  readonly shard?: string;
}

/** Small, and with weights so large that attention is far from uniform and greedy choices are clear. */
const base = {
  model_type: 'llama',
  vocab_size: 64,
  hidden_size: 64,
  intermediate_size: 96,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 16,
  max_position_embeddings: 1024,
  rms_norm_eps: 1e-5,
  tie_word_embeddings: false,
  initializer_range: 0.2,
};

const gemma3 = {
  ...base,
  model_type: 'gemma3_text',
  tie_word_embeddings: true,
  sliding_window: 20,
  query_pre_attn_scalar: 24,
};
const mistral = { ...base, model_type: 'mistral' };
const qwen3 = { ...base, model_type: 'qwen3', tie_word_embeddings: true };

export const SHAPES: readonly Shape[] = [
  { name: 'llama, tied, 4 heads on 2', config: { ...base, tie_word_embeddings: true } },
  { name: 'llama, untied, every head its own key', config: { ...base, num_key_value_heads: 4 } },
  {
    name: 'llama, one key head, three layers',
    config: { ...base, num_key_value_heads: 1, num_hidden_layers: 3 },
  },
  { name: 'llama, heads wider than hidden/heads', config: { ...base, head_dim: 32 } },
  { name: 'llama, biases', config: { ...base, attention_bias: true, mlp_bias: true } },
  {
    name: 'llama, linear rope scaling',
    config: { ...base, rope_parameters: { rope_type: 'linear', rope_theta: 5_000, factor: 4 } },
  },
  {
    name: 'llama, llama3 rope scaling',
    config: {
      ...base,
      head_dim: 32,
      // 32 positions: some of the wavelengths are shorter than them, some longer, some between the two bounds.
      rope_parameters: {
        rope_type: 'llama3',
        rope_theta: 10_000,
        factor: 8,
        low_freq_factor: 1,
        high_freq_factor: 4,
        original_max_position_embeddings: 32,
      },
    },
  },
  { name: 'mistral, no window', config: { ...mistral, sliding_window: null } },
  { name: 'mistral, a window of 20', config: { ...mistral, sliding_window: 20, tie_word_embeddings: true } },
  {
    name: 'qwen2, a window of 5 from the second layer on',
    config: {
      ...base,
      model_type: 'qwen2',
      use_sliding_window: true,
      sliding_window: 5,
      max_window_layers: 1,
    },
  },
  {
    name: 'smollm3, tied, the fourth layer without positions',
    config: { ...base, model_type: 'smollm3', num_hidden_layers: 4, tie_word_embeddings: true },
  },
  {
    // Without positions a bias of keys moves nothing: its gradient would be rounding.
    name: 'smollm3, biases of the MLP, a window of 20 where there are no positions',
    config: {
      ...base,
      model_type: 'smollm3',
      no_rope_layers: [0, 1],
      use_sliding_window: true,
      sliding_window: 20,
      mlp_bias: true,
    },
  },
  { name: 'olmo2', config: { ...base, model_type: 'olmo2', num_key_value_heads: 4 } },
  {
    name: 'olmo2, biases, 4 heads on 2',
    config: { ...base, model_type: 'olmo2', attention_bias: true, tie_word_embeddings: true },
  },
  {
    name: 'phi3, a window of 20',
    config: { ...base, model_type: 'phi3', head_dim: 16, sliding_window: 20 },
  },
  {
    name: 'phi3, every head its own key, tied',
    config: { ...base, model_type: 'phi3', num_key_value_heads: 4, tie_word_embeddings: true },
  },
  {
    name: 'phi3, longrope within the first length',
    config: {
      ...base,
      model_type: 'phi3',
      head_dim: 16,
      max_position_embeddings: 4096,
      original_max_position_embeddings: 1024,
      rope_parameters: {
        rope_type: 'longrope',
        rope_theta: 10_000,
        short_factor: [1, 1.02, 1.1, 1.25, 1.5, 1.85, 2.3, 2.9],
        long_factor: [1.05, 1.3, 2.1, 4.7, 9.4, 21.5, 40.2, 63.7],
      },
    },
  },
  {
    name: 'gemma3, windows of 20 in two layers of three',
    config: {
      ...gemma3,
      num_hidden_layers: 3,
      layer_types: ['sliding_attention', 'sliding_attention', 'full_attention'],
    },
  },
  {
    name: 'gemma3, untied, one key head, the whole text scaled linearly',
    config: {
      ...gemma3,
      num_key_value_heads: 1,
      tie_word_embeddings: false,
      sliding_window_pattern: 2,
      query_pre_attn_scalar: 16,
      rope_parameters: {
        full_attention: { rope_type: 'linear', rope_theta: 5_000, factor: 4 },
        sliding_attention: { rope_type: 'default', rope_theta: 1_000 },
      },
    },
  },
  {
    name: 'qwen3, yarn',
    config: {
      ...qwen3,
      head_dim: 32,
      rope_parameters: {
        rope_type: 'yarn',
        rope_theta: 10_000,
        factor: 4,
        original_max_position_embeddings: 256,
      },
    },
  },
  {
    name: 'llama, yarn with all its fields',
    config: {
      ...base,
      head_dim: 32,
      rope_parameters: {
        rope_type: 'yarn',
        rope_theta: 500,
        factor: 6,
        beta_fast: 12,
        beta_slow: 2,
        mscale: 1.5,
        mscale_all_dim: 0.5,
        truncate: false,
        original_max_position_embeddings: 128,
      },
    },
  },
  { name: 'qwen2', config: { ...base, model_type: 'qwen2', rms_norm_eps: 1e-6 } },
  { name: 'qwen3, tied', config: qwen3 },
  { name: 'qwen3, biases', config: { ...qwen3, attention_bias: true, tie_word_embeddings: false } },
  { name: 'llama in bfloat16, in shards', config: base, dtype: 'bfloat16', shard: '30KB' },
  { name: 'llama in float16', config: { ...base, tie_word_embeddings: true }, dtype: 'float16' },
  { name: 'qwen3 in bfloat16, tied, in shards', config: qwen3, dtype: 'bfloat16', shard: '30KB' },
];
