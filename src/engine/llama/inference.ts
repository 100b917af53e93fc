import { type Dim, Graph, times, type Value } from '../graph.ts';
import type { LayerKind, LlamaConfig, Rope } from './config.ts';
import { familyOf } from './families.ts';
import { type Weights, weightConstants, weightInputs } from './forward.ts';
import { Int8Products, type Int8Weights } from './int8.ts';
import { attentionScale, layersOf, windowOf } from './layers.ts';
import { type Parameters, parameterShapes } from './parameters.ts';
import { rotaryTable } from './rope.ts';

export const microsoft = 'com.microsoft';

/** How one layer attends, given its queries and keys, rotated, and its values [N, heads · d]; returns as many. */
export type Attend = (layer: number, kind: LayerKind, query: Value, key: Value, value: Value) => Value;

/** What the inference graphs differ in. */
interface Pass {
  readonly weights: Weights;
  /** For the matrices, which are not among the weights then but for the embedding. */
  readonly int8: Int8Products | undefined;
  /** Token ids [B·T]. */
  readonly ids: Value;
  readonly batch: Dim;
  readonly length: Dim;
  /** [B, T], or [1] where positions count up from that one. */
  readonly positions: Value;
  /** Positions reach up to here, exclusive. */
  readonly bound: number;
  readonly attend: Attend;
  /** The rows whose logits are wanted. */
  readonly last: (x: Value) => Value;
}

/** The same numbers in another shape. What stays in its place and what follows from the rest is not fed: each feed costs a
 * microsecond of a step. */
export function reshape(graph: Graph, x: Value, shape: readonly Dim[]): Value {
  const known = shape.map((dim, i) => (typeof dim === 'number' ? dim : dim === x.shape[i] ? 0 : -1));
  const target = known.filter((dim) => dim === -1).length > 1 ? graph.shape(shape) : graph.integers(known);
  return graph.node('Reshape', [x, target], shape);
}

/** The logits. */
export function inferenceGraph(graph: Graph, config: LlamaConfig, pass: Pass): Value {
  const { hiddenSize, headDim, numAttentionHeads, numKeyValueHeads, intermediateSize, rmsNormEps } = config;
  const { weights, int8, ids, batch, length, positions, bound, attend, last } = pass;
  const rows = times(batch, length);
  const table = (rope: Rope, suffix = '') => {
    const { cos, sin } = rotaryTable(rope, headDim, bound);
    const shape = [bound, headDim / 2];
    return [
      graph.constant(`cos${suffix}`, shape, () => cos),
      graph.constant(`sin${suffix}`, shape, () => sin),
    ];
  };
  const rope = table(config);
  const localRope = config.localRope ? table(config.localRope, '.local') : rope;

  const { norms, queryKeyNorm, fused, unitGains, scaledEmbedding, activation } = familyOf(config);
  const gain = (weight: Value) =>
    unitGains ? graph.node('Add', [weight, graph.scalar(1)], weight.shape) : weight;
  const norm = (x: Value, name: string) =>
    graph.node('SimplifiedLayerNormalization', [x, gain(weights.get(`${name}.weight`) as Value)], x.shape, {
      axis: -1,
      epsilon: { float: rmsNormEps },
      stash_type: 1,
    });
  const project = (x: Value, name: string) => {
    const bias = weights.get(`${name}.bias`);
    if (int8) {
      const product = int8.product(x, `${name}.weight`);
      return bias ? graph.node('Add', [product, bias], product.shape) : product;
    }
    const weight = weights.get(`${name}.weight`) as Value;
    const shape = [x.shape[0] as Dim, weight.shape[0] as Dim];
    return graph.node('Gemm', bias ? [x, weight, bias] : [x, weight], shape, { transB: 1 });
  };
  const headNorm = (x: Value, name: string) => {
    if (queryKeyNorm !== 'head') return queryKeyNorm ? norm(x, name) : x;
    const width = x.shape[1] as number;
    const heads = reshape(graph, x, [times(rows, width / headDim), headDim]);
    return reshape(graph, norm(heads, name), [rows, width]);
  };
  const activated = (x: Value) =>
    activation === 'silu'
      ? graph.node('QuickGelu', [x], x.shape, { alpha: { float: 1 } }, microsoft)
      : graph.node('Gelu', [x], x.shape, { approximate: 'tanh' });
  const split = (x: Value, widths: readonly number[]) => {
    const shapes = widths.map((width) => [rows, width]);
    return graph.nodes('Split', [x, graph.integers(widths)], shapes, { axis: 1 });
  };
  const widths = [numAttentionHeads, numKeyValueHeads, numKeyValueHeads].map((heads) => heads * headDim);
  const rotated = (x: Value, tables: readonly Value[]) => {
    const width = x.shape[1] as number;
    const inputs = [reshape(graph, x, [batch, length, width]), positions, ...tables];
    const attributes = { num_heads: width / headDim, interleaved: 0 };
    const turned = graph.node('RotaryEmbedding', inputs, [batch, length, width], attributes, microsoft);
    return reshape(graph, turned, [rows, width]);
  };

  const embedding = weights.get('model.embed_tokens.weight') as Value;
  let x = graph.node('Gather', [embedding, ids], [rows, hiddenSize], { axis: 0 });
  if (scaledEmbedding) x = graph.node('Mul', [x, graph.scalar(Math.sqrt(hiddenSize))], x.shape);
  for (const [layer, kind] of layersOf(config).entries()) {
    const at = (name: string) => `model.layers.${layer}.${name}`;
    const normed = (y: Value, module: string | undefined) => (module ? norm(y, at(module)) : y);
    const normal = normed(x, norms.beforeAttention);
    const parts = fused ? split(project(normal, at('self_attn.qkv_proj')), widths) : [];
    const projected = (letter: string) =>
      parts['qkv'.indexOf(letter)] ?? project(normal, at(`self_attn.${letter}_proj`));
    const turned = (letter: string) => {
      const heads = headNorm(projected(letter), at(`self_attn.${letter}_norm`));
      return kind.rotated ? rotated(heads, kind.sliding ? localRope : rope) : heads;
    };
    const heads = attend(layer, kind, turned('q'), turned('k'), projected('v'));
    const attended = normed(project(heads, at('self_attn.o_proj')), norms.afterAttention);
    x = graph.node('Add', [x, attended], x.shape);
    const inner = normed(x, norms.beforeMlp);
    const [gate, fusedUp] = fused
      ? split(project(inner, at('mlp.gate_up_proj')), [intermediateSize, intermediateSize])
      : [project(inner, at('mlp.gate_proj'))];
    const active = activated(gate as Value);
    const gated = graph.node('Mul', [active, fusedUp ?? project(inner, at('mlp.up_proj'))], active.shape);
    const down = normed(project(gated, at('mlp.down_proj')), norms.afterMlp);
    x = graph.node('Add', [x, down], x.shape);
  }
  const head = config.tieWordEmbeddings ? 'model.embed_tokens' : 'lm_head';
  return project(norm(last(x), 'model.norm'), head);
}

/** What of the weights is no matrix of a product. */
function otherInputs(graph: Graph, config: LlamaConfig): Weights {
  const others = parameterShapes(config).filter(
    ({ name, shape }) => shape.length === 1 || name === 'model.embed_tokens.weight',
  );
  return new Map(others.map(({ name, shape }) => [name, graph.input(name, shape)]));
}

/** Where a graph has its weights from: they are fed; or they are part of it as they are now, as numbers of 32 or of 8 bits (then
 * all but the matrices is fed). */
export interface OwnWeights {
  readonly float32?: Parameters | undefined;
  readonly int8?: Int8Weights | undefined;
}

export function weightsOf(graph: Graph, config: LlamaConfig, { float32, int8 }: OwnWeights) {
  if (int8) return { weights: otherInputs(graph, config), int8: new Int8Products(graph, int8) };
  return {
    weights: float32 ? weightConstants(graph, float32) : weightInputs(graph, config),
    int8: undefined,
  };
}

/** The runtime's GroupQueryAttention takes heads of a multiple of this. */
const HEAD_STEP = 8;

/** Symbols bound when an inference graph is run: P prompts of L tokens; S slots with C positions of cache, in G groups of up to W
 * that share a prompt of up to D tokens. */
const P: Dim = 'P';
const L: Dim = 'L';
const S: Dim = 'S';
const C: Dim = 'C';
const G: Dim = 'G';
const W: Dim = 'W';
const D: Dim = 'D';

/** Prompts to caches, of at most `bound` tokens each. Inputs: ids [P·L] int64, padded on the right; `last` [P] int32, the
 * index of each prompt's last token; `pick` [P] int64, the same as a row of [P·L]; `total` [1] int32, L. Outputs: logits
 * [P, V] of those tokens, and per layer `key.l`, `value.l` [P, K, L, d], rotated. */
export function prefillGraph(config: LlamaConfig, bound: number, own: OwnWeights = {}): Uint8Array {
  const { hiddenSize, headDim, numAttentionHeads, numKeyValueHeads } = config;
  const graph = new Graph();
  const ids = graph.input('ids', [times(P, L)], 'int64');
  const last = graph.input('last', [P], 'int32');
  const pick = graph.input('pick', [P], 'int64');
  const total = graph.input('total', [1], 'int32');
  const padded = Math.ceil(headDim / HEAD_STEP) * HEAD_STEP;

  /** [P·L, heads · d] → [P, L, heads · padded]: zeros at the end of a head change no product. */
  const widen = (x: Value) => {
    const heads = (x.shape[1] as number) / headDim;
    if (padded === headDim) return reshape(graph, x, [P, L, heads * headDim]);
    const parts = reshape(graph, x, [P, L, heads, headDim]);
    const pads = graph.integers([0, 0, 0, 0, 0, 0, 0, padded - headDim]);
    const wide = graph.node('Pad', [parts, pads], [P, L, heads, padded]);
    return reshape(graph, wide, [P, L, heads * padded]);
  };
  /** The last dimension without those zeros. */
  const narrow = (x: Value) => {
    if (padded === headDim) return x;
    const [start, end, axis] = [graph.integers([0]), graph.integers([headDim]), graph.integers([-1])];
    return graph.node('Slice', [x, start, end, axis], [...x.shape.slice(0, -1), headDim]);
  };

  const window = windowOf(config);

  const attend: Attend = (layer, { sliding }, query, key, value) => {
    const cache = [P, numKeyValueHeads, L, padded];
    const [heads, keys, values] = graph.nodes(
      'GroupQueryAttention',
      [widen(query), widen(key), widen(value), null, null, last, total],
      [[P, L, numAttentionHeads * padded], cache, cache],
      {
        num_heads: numAttentionHeads,
        kv_num_heads: numKeyValueHeads,
        scale: { float: attentionScale(config) },
        ...(sliding && window ? { local_window_size: window } : {}),
      },
      microsoft,
    ) as [Value, Value, Value];
    graph.output(`key.${layer}`, narrow(keys));
    graph.output(`value.${layer}`, narrow(values));
    const parts = reshape(graph, heads, [times(P, L), numAttentionHeads, padded]);
    return reshape(graph, narrow(parts), [times(P, L), numAttentionHeads * headDim]);
  };
  const logits = inferenceGraph(graph, config, {
    ...weightsOf(graph, config, own),
    ids,
    batch: P,
    length: L,
    positions: graph.integers([0]),
    bound,
    attend,
    last: (x) => graph.node('Gather', [x, pick], [P, hiddenSize], { axis: 0 }),
  });
  graph.output('logits', logits);
  return graph.encode();
}

/** One new token for each of S sequences, none beyond position `bound`. Inputs: ids [S] int64; `positions` [S, 1] int64;
 * `mask` [S, 1, 1, C], 0 where the cache holds a token that the sequence has written and a large negative number elsewhere;
 * per layer `key.l`, `value.l` [S, K, C, d]; `prompt.mask` [G, 1, 1, D], `prompt.key.l`, `prompt.value.l` [G, K, D, d], the
 * same of the prompts; `toGroups`, `toSlots` (see PromptGroups). Where layers are sliding, `mask.sliding` [S, 1, 1, C] and
 * `prompt.mask.sliding` [S, 1, 1, D] say what each sequence's window leaves of the two. Outputs: logits [S, V]; `fresh` [2·layers·S, K, 1, d], each
 * layer's new keys, then its new values, which the caller copies into the cache. The runtime copies every output into a new
 * array, so the cache itself is never an output. */
export function decodeGraph(config: LlamaConfig, bound: number, own: OwnWeights = {}): Uint8Array {
  const { headDim, numAttentionHeads, numKeyValueHeads } = config;
  const groups = numAttentionHeads / numKeyValueHeads;
  const graph = new Graph();
  const ids = graph.input('ids', [S], 'int64');
  const positions = graph.input('positions', [S, 1], 'int64');
  const mask = graph.input('mask', [S, 1, 1, C]);
  const promptMask = graph.input('prompt.mask', [G, 1, 1, D]);
  const slidingMasks =
    windowOf(config) === undefined
      ? undefined
      : {
          past: graph.input('mask.sliding', [S, 1, 1, C]),
          prompt: graph.input('prompt.mask.sliding', [S, 1, 1, D]),
        };
  const scale = { float: attentionScale(config) };
  const toGroups = graph.input('toGroups', [G, numKeyValueHeads, W], 'int64');
  const toSlots = graph.input('toSlots', [S, numKeyValueHeads], 'int64');
  /** New keys and values, layer by layer. */
  const fresh: Value[] = [];

  /** [S, K, groups, n] → [G, K, W · groups, n] */
  const grouped = (x: Value, n: Dim) => {
    const width = times(groups, n);
    const rows = reshape(graph, x, [times(S, numKeyValueHeads), width]);
    const gathered = graph.node('Gather', [rows, toGroups], [G, numKeyValueHeads, W, width], { axis: 0 });
    return reshape(graph, gathered, [G, numKeyValueHeads, times(W, groups), n]);
  };
  /** And back. */
  const ungrouped = (x: Value, n: Dim) => {
    const width = times(groups, n);
    const rows = reshape(graph, x, [times(times(G, numKeyValueHeads), W), width]);
    const gathered = graph.node('Gather', [rows, toSlots], [S, numKeyValueHeads, width], { axis: 0 });
    return reshape(graph, gathered, [S, numKeyValueHeads, groups, n]);
  };

  const attend: Attend = (layer, { sliding }, query, key, value) => {
    const cache = [S, numKeyValueHeads, C, headDim];
    const pastKey = graph.input(`key.${layer}`, cache);
    const pastValue = graph.input(`value.${layer}`, cache);
    const prompts = [G, numKeyValueHeads, D, headDim];
    const promptKey = graph.input(`prompt.key.${layer}`, prompts);
    const promptValue = graph.input(`prompt.value.${layer}`, prompts);
    const split = (x: Value, perKey: number) => reshape(graph, x, [S, numKeyValueHeads, perKey, headDim]);
    const q = split(query, groups);
    const k = split(key, 1);
    const v = split(value, 1);
    fresh.push(k, v);
    const shape = (columns: Dim) => [S, numKeyValueHeads, groups, columns];
    const attributes = { transB: 1, alpha: scale };
    const scores = (keys: Value, columns: Dim) =>
      graph.node('FusedMatMul', [q, keys], shape(columns), attributes, microsoft);
    const inGroups = [G, numKeyValueHeads, times(W, groups), D];
    const promptScores = graph.node(
      'FusedMatMul',
      [grouped(q, headDim), promptKey],
      inGroups,
      attributes,
      microsoft,
    );
    const there = ungrouped(graph.node('Add', [promptScores, promptMask], inGroups), D);
    const windows = sliding ? slidingMasks : undefined;
    const prompt = windows ? graph.node('Add', [there, windows.prompt], shape(D)) : there;
    const past = graph.node('Add', [scores(pastKey, C), windows?.past ?? mask], shape(C));
    const all = graph.node('Concat', [prompt, past, scores(k, 1)], shape('D+C+1'), { axis: -1 });
    const p = graph.node('Softmax', [all], all.shape, { axis: -1 });
    const [pPrompt, pPast, pNew] = graph.nodes(
      'Split',
      [p, graph.shape([D, C, 1])],
      [shape(D), shape(C), shape(1)],
      { axis: -1 },
    ) as [Value, Value, Value];
    const weighed = [G, numKeyValueHeads, times(W, groups), headDim];
    const fromPrompt = graph.node('MatMul', [grouped(pPrompt, D), promptValue], weighed);
    const fromPast = graph.node('MatMul', [pPast, pastValue], shape(headDim));
    const fromNew = graph.node('Mul', [pNew, v], shape(headDim));
    const written = graph.node('Add', [fromPast, fromNew], shape(headDim));
    const heads = graph.node('Add', [ungrouped(fromPrompt, headDim), written], shape(headDim));
    return reshape(graph, heads, [S, numAttentionHeads * headDim]);
  };
  const logits = inferenceGraph(graph, config, {
    ...weightsOf(graph, config, own),
    ids,
    batch: S,
    length: 1,
    positions,
    bound,
    attend,
    last: (x) => x,
  });
  graph.output('logits', logits);
  const rows = [times(2 * config.numHiddenLayers, S), numKeyValueHeads, 1, headDim];
  graph.output('fresh', graph.node('Concat', fresh, rows, { axis: 0 }));
  return graph.encode();
}
