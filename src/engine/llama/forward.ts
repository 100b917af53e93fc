import { type Dim, type Graph, times, type Value } from '../graph.ts';
import { add } from '../ops/add.ts';
import { gather } from '../ops/gather.ts';
import { reshape, transpose } from '../ops/layout.ts';
import { linear } from '../ops/linear.ts';
import { matmul } from '../ops/matmul.ts';
import { rmsnorm } from '../ops/rmsnorm.ts';
import { rotary } from '../ops/rotary.ts';
import { maskedSoftmax } from '../ops/softmax.ts';
import { swiglu } from '../ops/swiglu.ts';
import type { LlamaConfig } from './config.ts';
import { parameterShapes } from './parameters.ts';

/** Parameters as inputs of the graph, by their Hugging Face names. */
export type Weights = ReadonlyMap<string, Value>;

export function weightInputs(graph: Graph, config: LlamaConfig): Weights {
  return new Map(parameterShapes(config).map(({ name, shape }) => [name, graph.input(name, shape)]));
}

/** The last hidden states, normalised: ids [B·T] int64 → [B·T, H]. Sequences are padded on the right; attention is
 * causal, so padding never reaches a real token. Also takes the input `mask` [G·T, T], which is causalMask(G, T). */
export function hiddenStates(
  graph: Graph,
  config: LlamaConfig,
  weights: Weights,
  ids: Value,
  batch: Dim,
  length: Dim,
): Value {
  const { headDim, numAttentionHeads, numKeyValueHeads, rmsNormEps, ropeTheta } = config;
  const positions = config.maxPositionEmbeddings;
  const rows = times(batch, length);
  const get = (name: string) => weights.get(name) as Value;
  const groups = numAttentionHeads / numKeyValueHeads;
  const width = numAttentionHeads * headDim;
  const keyWidth = numKeyValueHeads * headDim;

  /** [B·T, K·G·d] → [B, K, G·T, d]: the G query heads of one key head become rows of one product. */
  const split = (x: Value, perKey: number) => {
    const parts = reshape(graph, x, [batch, length, numKeyValueHeads, perKey, headDim]);
    const ordered = transpose(graph, parts, [0, 2, 3, 1, 4]);
    return reshape(graph, ordered, [batch, numKeyValueHeads, times(perKey, length), headDim]);
  };
  const rotated = (x: Value, columns: number) => {
    const turned = rotary(graph, reshape(graph, x, [batch, length, columns]), headDim, ropeTheta, positions);
    return reshape(graph, turned, [rows, columns]);
  };

  const mask = graph.input('mask', [times(groups, length), length]);
  let x = gather(graph, get('model.embed_tokens.weight'), ids);
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    const at = (name: string) => get(`model.layers.${layer}.${name}.weight`);
    const normal = rmsnorm(graph, x, at('input_layernorm'), rmsNormEps);
    const query = split(rotated(linear(graph, normal, at('self_attn.q_proj')), width), groups);
    const key = split(rotated(linear(graph, normal, at('self_attn.k_proj')), keyWidth), 1);
    const value = split(linear(graph, normal, at('self_attn.v_proj')), 1);
    const scores = matmul(graph, query, key, { transB: true, scale: 1 / Math.sqrt(headDim) });
    const heads = matmul(graph, maskedSoftmax(graph, scores, mask), value);
    const parts = reshape(graph, heads, [batch, numKeyValueHeads, groups, length, headDim]);
    const merged = reshape(graph, transpose(graph, parts, [0, 3, 1, 2, 4]), [rows, width]);
    x = add(graph, x, linear(graph, merged, at('self_attn.o_proj')));

    const inner = rmsnorm(graph, x, at('post_attention_layernorm'), rmsNormEps);
    const gated = swiglu(
      graph,
      linear(graph, inner, at('mlp.gate_proj')),
      linear(graph, inner, at('mlp.up_proj')),
    );
    x = add(graph, x, linear(graph, gated, at('mlp.down_proj')));
  }
  return rmsnorm(graph, x, get('model.norm.weight'), rmsNormEps);
}

/** Logits [N, V] of hidden states [N, H]. */
export function logits(graph: Graph, config: LlamaConfig, weights: Weights, hidden: Value): Value {
  const head = config.tieWordEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight';
  return linear(graph, hidden, weights.get(head) as Value);
}
