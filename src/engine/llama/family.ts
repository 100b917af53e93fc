import type { LlamaConfig, RopeScaling } from './config.ts';
import type { Fields } from './fields.ts';

type Biases = Pick<LlamaConfig, 'attentionBias' | 'mlpBias'>;

/** The modules of a layer's norms of the hidden size: of what attention and the MLP take, and of what they give. */
export interface Norms {
  readonly beforeAttention?: string;
  readonly afterAttention?: string;
  readonly beforeMlp?: string;
  readonly afterMlp?: string;
}

export interface Windows {
  /** As transformers decides where there are no layer_types. */
  readonly slides: (fields: Fields, layer: number, rotated: boolean) => boolean;
  /** config.json may list layer_types instead. */
  readonly listed: boolean;
}

/** What of a family's decoder can be other than in the next. One decoder, in forward.ts and inference.ts, runs all of them. */
export interface Family {
  /** As people write it. */
  readonly name: string;
  readonly architecture: string;
  /** The fields of config.json that choose biases. */
  readonly switches: readonly ('attention_bias' | 'mlp_bias')[];
  /** The projections that have a bias. */
  readonly biases: (config: Biases) => readonly string[];
  readonly norms: Norms;
  /** Queries, keys and values come of one matrix, `qkv_proj`, and the MLP's gate and up of another, `gate_up_proj`. */
  readonly fused: boolean;
  /** Queries and keys are normalised before they are rotated: each head by itself, or all heads as one. */
  readonly queryKeyNorm: 'head' | 'whole' | null;
  /** Which layers look back a window only, where config.json names one. Null: transformers' model has none. */
  readonly windows: Windows | null;
  /** Which layers know positions, where config.json chooses. */
  readonly rotates?: (fields: Fields, layer: number) => boolean;
  /** Embeddings are multiplied by the root of the hidden size. */
  readonly scaledEmbedding: boolean;
  /** The norms' gains are 1 + their weights. */
  readonly unitGains: boolean;
  readonly activation: 'silu' | 'gelu_tanh';
  /** Sliding layers are rotated otherwise than the others. */
  readonly localRope: boolean;
  /** How the frequencies of positions may be scaled. */
  readonly ropeScaling: readonly RopeScaling['type'][];
  /** Fields of config.json that a decoder of ours runs with this value only, which is also what they mean when absent. */
  readonly fixed: Readonly<Record<string, unknown>>;
  /** What absent fields of config.json mean. */
  readonly defaults: Readonly<Record<string, number | boolean | null>>;
}

/** The projections of attention and of the MLP. */
export const QUERY_KEY_VALUE = ['q_proj', 'k_proj', 'v_proj'] as const;
export const ATTENTION = [...QUERY_KEY_VALUE, 'o_proj'] as const;
export const FUSED = ['qkv_proj', 'gate_up_proj'] as const;
export const MLP = ['gate_proj', 'up_proj', 'down_proj'] as const;

/** What most families have in common. */
export const COMMON = {
  norms: { beforeAttention: 'input_layernorm', beforeMlp: 'post_attention_layernorm' },
  fused: false,
  queryKeyNorm: null,
  scaledEmbedding: false,
  unitGains: false,
  activation: 'silu',
  localRope: false,
  ropeScaling: ['linear', 'llama3', 'yarn'],
  fixed: { hidden_act: 'silu' },
} as const satisfies Partial<Family>;
