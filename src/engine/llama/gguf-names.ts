import type { LlamaConfig } from './config.ts';

/** llama.cpp's names of the modules of a layer, by Hugging Face's. */
const MODULES: Readonly<Record<string, string>> = {
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  'self_attn.q_norm': 'attn_q_norm',
  'self_attn.k_norm': 'attn_k_norm',
  post_attention_layernorm: 'ffn_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
};
const OUTER: Readonly<Record<string, string>> = {
  'model.embed_tokens': 'token_embd',
  'model.norm': 'output_norm',
  lm_head: 'output',
};
/** llama.cpp's name of a parameter. */
export function ggufName(name: string): string {
  const [, module = '', kind = ''] = /^(.*)\.(weight|bias)$/.exec(name) ?? [];
  const [, layer, within] = /^model\.layers\.(\d+)\.(.*)$/.exec(module) ?? [];
  const found = within === undefined ? OUTER[module] : `blk.${layer}.${MODULES[within]}`;
  return `${found}.${kind}`;
}

/** Llama's queries and keys lie there with the two halves of a head interleaved: row 2i + s of a head is Hugging Face's row
 * s·d/2 + i. Other families keep their rows. */
function interleavedHeads(name: string, config: LlamaConfig): number | null {
  if ((config.modelType ?? 'llama') !== 'llama') return null;
  if (/\.self_attn\.q_proj\./.test(name)) return config.numAttentionHeads;
  return /\.self_attn\.k_proj\./.test(name) ? config.numKeyValueHeads : null;
}

/** The rows of a parameter in llama.cpp's order, from Hugging Face's; `back` is the other way. */
export function reorderRows(
  name: string,
  config: LlamaConfig,
  values: Float32Array,
  back = false,
): Float32Array {
  const heads = interleavedHeads(name, config);
  if (heads === null) return values;
  const half = config.headDim / 2;
  const width = values.length / (heads * config.headDim);
  const moved = new Float32Array(values.length);
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < config.headDim; i++) {
      const theirs = head * config.headDim + i;
      const ours = head * config.headDim + (i % 2) * half + (i >> 1);
      const [from, to] = back ? [theirs, ours] : [ours, theirs];
      moved.set(values.subarray(from * width, (from + 1) * width), to * width);
    }
  }
  return moved;
}
