import type { LlamaConfig, ModelType } from './config.ts';

type Biases = Pick<LlamaConfig, 'attentionBias' | 'mlpBias'>;

export interface Family {
  readonly architecture: string;
  /** The fields of config.json that choose biases. */
  readonly switches: readonly ('attention_bias' | 'mlp_bias')[];
  /** The projections that have a bias. */
  readonly biases: (config: Biases) => readonly string[];
  /** Queries and keys are normalised, head by head, before they are rotated. */
  readonly queryKeyNorm: boolean;
  /** What absent fields of config.json mean. */
  readonly defaults: Readonly<Record<string, number | boolean | null>>;
}

const QUERY_KEY_VALUE = ['q_proj', 'k_proj', 'v_proj'];
const ATTENTION = [...QUERY_KEY_VALUE, 'o_proj'];
const MLP = ['gate_proj', 'up_proj', 'down_proj'];

const QWEN_DEFAULTS = {
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
};

/** The families this engine runs, by model_type: all are Llama's layer but for what is said here. From transformers 5,
 * modeling_*.py and configuration_*.py. */
export const FAMILIES = {
  llama: {
    architecture: 'LlamaForCausalLM',
    switches: ['attention_bias', 'mlp_bias'],
    biases: ({ attentionBias, mlpBias }) => [...(attentionBias ? ATTENTION : []), ...(mlpBias ? MLP : [])],
    queryKeyNorm: false,
    defaults: {
      vocab_size: 32_000,
      hidden_size: 4096,
      intermediate_size: 11_008,
      num_hidden_layers: 32,
      num_attention_heads: 32,
      max_position_embeddings: 2048,
      // transformers' Llama has no window and would not see one that is named; others would obey it.
      use_sliding_window: true,
      bos_token_id: 1,
      eos_token_id: 2,
    },
  },
  qwen2: {
    architecture: 'Qwen2ForCausalLM',
    switches: [],
    biases: () => QUERY_KEY_VALUE,
    queryKeyNorm: false,
    defaults: QWEN_DEFAULTS,
  },
  qwen3: {
    architecture: 'Qwen3ForCausalLM',
    switches: ['attention_bias'],
    biases: ({ attentionBias }) => (attentionBias ? ATTENTION : []),
    queryKeyNorm: true,
    defaults: { ...QWEN_DEFAULTS, head_dim: 128 },
  },
} as const satisfies Record<ModelType, Family>;

export const familyOf = ({ modelType = 'llama' }: LlamaConfig): Family => FAMILIES[modelType];
