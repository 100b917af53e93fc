import { ATTENTION, COMMON, type Family, MLP } from '../family.ts';

/** What the other families are told from. */
export const llama: Family = {
  ...COMMON,
  name: 'Llama',
  architecture: 'LlamaForCausalLM',
  switches: ['attention_bias', 'mlp_bias'],
  biases: ({ attentionBias, mlpBias }) => [...(attentionBias ? ATTENTION : []), ...(mlpBias ? MLP : [])],
  windows: null,
  defaults: {
    vocab_size: 32_000,
    hidden_size: 4096,
    intermediate_size: 11_008,
    num_hidden_layers: 32,
    num_attention_heads: 32,
    max_position_embeddings: 2048,
    bos_token_id: 1,
    eos_token_id: 2,
  },
};
