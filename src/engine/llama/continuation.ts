import { type Dim, Graph, times, type Value } from '../graph.ts';
import type { LlamaConfig } from './config.ts';
import { type Attend, inferenceGraph, microsoft, type OwnWeights, reshape, weightsOf } from './inference.ts';
import { attentionScale, windowOf } from './layers.ts';

/** Symbols bound when the graph is run: P stretches of L tokens, behind D positions of cache each, T = D + L; Q rows of logits. */
const P: Dim = 'P';
const L: Dim = 'L';
const D: Dim = 'D';
const T: Dim = 'T';
const Q: Dim = 'Q';

/** Goes on with prompts whose beginnings are computed, none beyond position `bound`. The runtime's GroupQueryAttention does that for one
 * prompt at a time only. Inputs: ids [P·L] int64, padded on the right, and their `positions` [P, L] int64; `pick` [Q] int64, the
 * rows of [P·L] whose logits are wanted; `mask` [P, 1, 1, L, T], 0 where a token may look and a large negative number elsewhere,
 * and `mask.sliding` where layers have a window; per layer `past.key.l`, `past.value.l` [P, K, D, d]. Outputs: logits [Q, V], and
 * per layer `key.l`, `value.l` [P, K, L, d] of the new tokens, rotated. */
export function continuationGraph(config: LlamaConfig, bound: number, own: OwnWeights = {}): Uint8Array {
  const { hiddenSize, headDim, numAttentionHeads, numKeyValueHeads: heads } = config;
  const groups = numAttentionHeads / heads;
  const graph = new Graph();
  const ids = graph.input('ids', [times(P, L)], 'int64');
  const positions = graph.input('positions', [P, L], 'int64');
  const pick = graph.input('pick', [Q], 'int64');
  const maskShape = [P, 1, 1, L, T];
  const mask = graph.input('mask', maskShape);
  const slidingMask = windowOf(config) === undefined ? mask : graph.input('mask.sliding', maskShape);
  const scale = { float: attentionScale(config) };

  /** [P·L, K · n · d] → [P, K, n · L, d] */
  const byHead = (x: Value, n: number) => {
    const split = reshape(graph, x, [P, L, heads, n, headDim]);
    const shape = [P, heads, n, L, headDim];
    const turned = graph.node('Transpose', [split], shape, { perm: [0, 2, 3, 1, 4] });
    return reshape(graph, turned, [P, heads, times(n, L), headDim]);
  };

  const attend: Attend = (layer, { sliding }, query, key, value) => {
    const whole = (name: string, x: Value) => {
      const past = graph.input(`past.${name}.${layer}`, [P, heads, D, headDim]);
      const fresh = byHead(x, 1);
      graph.output(`${name}.${layer}`, fresh);
      return graph.node('Concat', [past, fresh], [P, heads, T, headDim], { axis: 2 });
    };
    const rows = times(groups, L);
    const scores = graph.node(
      'FusedMatMul',
      [byHead(query, groups), whole('key', key)],
      [P, heads, rows, T],
      { transB: 1, alpha: scale },
      microsoft,
    );
    const apart = reshape(graph, scores, [P, heads, groups, L, T]);
    const seen = graph.node('Add', [apart, sliding ? slidingMask : mask], apart.shape);
    const p = reshape(graph, graph.node('Softmax', [seen], seen.shape, { axis: -1 }), [P, heads, rows, T]);
    const weighed = graph.node('MatMul', [p, whole('value', value)], [P, heads, rows, headDim]);
    const split = reshape(graph, weighed, [P, heads, groups, L, headDim]);
    const shape = [P, L, heads, groups, headDim];
    const turned = graph.node('Transpose', [split], shape, { perm: [0, 3, 1, 2, 4] });
    return reshape(graph, turned, [times(P, L), numAttentionHeads * headDim]);
  };
  const logits = inferenceGraph(graph, config, {
    ...weightsOf(graph, config, own),
    ids,
    batch: P,
    length: L,
    positions,
    bound,
    attend,
    last: (x) => graph.node('Gather', [x, pick], [Q, hiddenSize], { axis: 0 }),
  });
  graph.output('logits', logits);
  return graph.encode();
}
