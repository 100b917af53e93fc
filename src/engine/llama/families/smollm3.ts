import { COMMON, type Family } from '../family.ts';
import { llama } from './llama.ts';

const EVERY = 4;

/** Llama with some layers, one in four, that are not told positions (NoPE); these have the window, if there is one. */
export const smollm3: Family = {
  ...COMMON,
  name: 'SmolLM3',
  architecture: 'SmolLM3ForCausalLM',
  switches: llama.switches,
  biases: llama.biases,
  windows: {
    slides: (fields, _layer, rotated) => fields.flag('use_sliding_window') && !rotated,
    listed: true,
  },
  rotates(fields, layer) {
    const { no_rope_layers: rotated } = fields.raw;
    if (!Array.isArray(rotated))
      return (layer + 1) % fields.count('no_rope_layer_interval', { absent: EVERY }) !== 0;
    if (rotated[layer] !== 0 && rotated[layer] !== 1)
      throw fields.malformed(`no_rope_layers does not say 0 or 1 of layer ${layer}`);
    return rotated[layer] === 1;
  },
  defaults: {
    vocab_size: 128_256,
    hidden_size: 2048,
    intermediate_size: 11_008,
    num_hidden_layers: 36,
    num_attention_heads: 16,
    num_key_value_heads: 4,
    max_position_embeddings: 32_768,
    rope_theta: 2_000_000,
    use_sliding_window: false,
    tie_word_embeddings: true,
    pad_token_id: 128_004,
    bos_token_id: 128_000,
    eos_token_id: 128_001,
  },
};
