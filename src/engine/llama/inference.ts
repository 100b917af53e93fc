import { Graph, type Value } from '../graph.ts';
import { rotaryAngles } from '../ops/rotary.ts';
import type { LlamaConfig } from './config.ts';
import { weightInputs } from './forward.ts';

/** How one layer attends, given its normalised input [N, H]; returns [N, heads · d]. */
type Attend = (layer: number, query: Value, key: Value, value: Value) => Value;

/** What both inference graphs share: everything but attention. `last` picks the rows whose logits are wanted. */
function inferenceGraph(
  graph: Graph,
  config: LlamaConfig,
  ids: Value,
  attend: Attend,
  last: (x: Value) => Value,
): Uint8Array {
  const { hiddenSize, rmsNormEps } = config;
  const rows = ids.shape[0] as number;
  const weights = weightInputs(graph, config);
  const get = (name: string) => weights.get(name) as Value;
  const linear = (x: Value, weight: Value) =>
    graph.node('Gemm', [x, weight], [x.shape[0] as number, weight.shape[0] as number], { transB: 1 });
  const norm = (x: Value, gain: Value) =>
    graph.node('SimplifiedLayerNormalization', [x, gain], x.shape, {
      axis: -1,
      epsilon: { float: rmsNormEps },
      stash_type: 1,
    });

  let x = graph.node('Gather', [get('model.embed_tokens.weight'), ids], [rows, hiddenSize], { axis: 0 });
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    const at = (name: string) => get(`model.layers.${layer}.${name}.weight`);
    const normal = norm(x, at('input_layernorm'));
    const heads = attend(
      layer,
      linear(normal, at('self_attn.q_proj')),
      linear(normal, at('self_attn.k_proj')),
      linear(normal, at('self_attn.v_proj')),
    );
    x = graph.node('Add', [x, linear(heads, at('self_attn.o_proj'))], x.shape);
    const inner = norm(x, at('post_attention_layernorm'));
    const gate = linear(inner, at('mlp.gate_proj'));
    const silu = graph.node('QuickGelu', [gate], gate.shape, { alpha: { float: 1 } }, 'com.microsoft');
    const gated = graph.node('Mul', [silu, linear(inner, at('mlp.up_proj'))], gate.shape);
    x = graph.node('Add', [x, linear(gated, at('mlp.down_proj'))], x.shape);
  }
  const head = config.tieWordEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight';
  graph.output('logits', linear(norm(last(x), get('model.norm.weight')), get(head)));
  return graph.encode();
}

const microsoft = 'com.microsoft';

function angles(graph: Graph, config: LlamaConfig, length: number): { cos: Value; sin: Value } {
  const { headDim, ropeTheta } = config;
  const shape = [length, headDim / 2];
  const table = rotaryAngles(length, headDim, ropeTheta);
  return {
    cos: graph.constant('cos', shape, () => table.cos),
    sin: graph.constant('sin', shape, () => table.sin),
  };
}

const reshape = (graph: Graph, x: Value, shape: readonly number[]) =>
  graph.node('Reshape', [x, graph.integers(shape)], shape);

/** Prompts to caches. Inputs: ids [P·L] int64, padded on the right; `last` [P] int32, the index of each prompt's last
 * token; `pick` [P] int64, the same as a row of [P·L]. Outputs: logits [P, V] of those tokens, and per layer `key.l`,
 * `value.l` [P, K, L, d], rotated. */
export function prefillGraph(config: LlamaConfig, prompts: number, length: number): Uint8Array {
  const { hiddenSize, headDim, numAttentionHeads, numKeyValueHeads } = config;
  const graph = new Graph();
  const ids = graph.input('ids', [prompts * length], 'int64');
  const last = graph.input('last', [prompts], 'int32');
  const pick = graph.input('pick', [prompts], 'int64');
  const total = graph.constant('total', [1], () => Int32Array.of(length));
  const { cos, sin } = angles(graph, config, length);
  const cache = [prompts, numKeyValueHeads, length, headDim];
  const width = numAttentionHeads * headDim;

  const attend: Attend = (layer, query, key, value) => {
    const view = (x: Value) => reshape(graph, x, [prompts, length, x.shape[1] as number]);
    const [heads, keys, values] = graph.nodes(
      'GroupQueryAttention',
      [view(query), view(key), view(value), null, null, last, total, cos, sin],
      [[prompts, length, width], cache, cache],
      { num_heads: numAttentionHeads, kv_num_heads: numKeyValueHeads, do_rotary: 1 },
      microsoft,
    ) as [Value, Value, Value];
    graph.output(`key.${layer}`, keys);
    graph.output(`value.${layer}`, values);
    return reshape(graph, heads, [prompts * length, width]);
  };
  return inferenceGraph(graph, config, ids, attend, (x) =>
    graph.node('Gather', [x, pick], [prompts, hiddenSize], { axis: 0 }),
  );
}

/** One new token for each of S sequences. Inputs: ids [S] int64; `positions` [S, 1] int64; `mask` [S, 1, 1, C], 0 where
 * the cache holds a token of the sequence and a large negative number elsewhere; per layer `key.l`, `value.l`
 * [S, K, C, d]. Outputs: logits [S, V]; per layer `newKey.l`, `newValue.l` [S, K, 1, d], which the caller copies into
 * the cache. The runtime copies every output into a new array, so the cache itself is never an output. */
export function decodeGraph(config: LlamaConfig, slots: number, capacity: number): Uint8Array {
  const { headDim, numAttentionHeads, numKeyValueHeads } = config;
  const groups = numAttentionHeads / numKeyValueHeads;
  const graph = new Graph();
  const ids = graph.input('ids', [slots], 'int64');
  const positions = graph.input('positions', [slots, 1], 'int64');
  const mask = graph.input('mask', [slots, 1, 1, capacity]);
  const { cos, sin } = angles(graph, config, capacity);
  const scale = { float: 1 / Math.sqrt(headDim) };

  const rotate = (x: Value) => {
    const width = x.shape[1] as number;
    return graph.node(
      'RotaryEmbedding',
      [reshape(graph, x, [slots, 1, width]), positions, cos, sin],
      [slots, 1, width],
      { num_heads: width / headDim, interleaved: 0 },
      microsoft,
    );
  };
  const attend: Attend = (layer, query, key, value) => {
    const cache = [slots, numKeyValueHeads, capacity, headDim];
    const pastKey = graph.input(`key.${layer}`, cache);
    const pastValue = graph.input(`value.${layer}`, cache);
    const split = (x: Value, perKey: number) => reshape(graph, x, [slots, numKeyValueHeads, perKey, headDim]);
    const q = split(rotate(query), groups);
    const k = split(rotate(key), 1);
    const v = split(value, 1);
    graph.output(`newKey.${layer}`, k);
    graph.output(`newValue.${layer}`, v);
    const shape = (columns: number) => [slots, numKeyValueHeads, groups, columns];
    const scores = (keys: Value, columns: number) =>
      graph.node('FusedMatMul', [q, keys], shape(columns), { transB: 1, alpha: scale }, microsoft);
    const past = graph.node('Add', [scores(pastKey, capacity), mask], shape(capacity));
    const all = graph.node('Concat', [past, scores(k, 1)], shape(capacity + 1), { axis: -1 });
    const p = graph.node('Softmax', [all], all.shape, { axis: -1 });
    const [pPast, pNew] = graph.nodes(
      'Split',
      [p, graph.integers([capacity, 1])],
      [shape(capacity), shape(1)],
      {
        axis: -1,
      },
    ) as [Value, Value];
    const fromPast = graph.node('MatMul', [pPast, pastValue], shape(headDim));
    const heads = graph.node('Add', [fromPast, graph.node('Mul', [pNew, v], shape(headDim))], shape(headDim));
    return reshape(graph, heads, [slots, numAttentionHeads * headDim]);
  };
  return inferenceGraph(graph, config, ids, attend, (x) => x);
}
