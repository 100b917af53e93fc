import type { Tensor } from 'onnxruntime-node';
import { type Dim, type Graph, times, type Value } from '../graph.ts';
import { type LoraConfig, loraNames, loraShapes } from '../lora/adapter.ts';
import { add } from '../ops/add.ts';
import { attention, type Blocks } from '../ops/attention.ts';
import { splitColumns } from '../ops/columns.ts';
import { scale, shift } from '../ops/elementwise.ts';
import { gather } from '../ops/gather.ts';
import { geglu } from '../ops/geglu.ts';
import { rearrange, reshape } from '../ops/layout.ts';
import { linear } from '../ops/linear.ts';
import { lora } from '../ops/lora.ts';
import { rmsnorm } from '../ops/rmsnorm.ts';
import { rotary } from '../ops/rotary.ts';
import { swiglu } from '../ops/swiglu.ts';
import { widened } from '../ops/widened.ts';
import { tensor } from '../session.ts';
import type { TensorShape } from '../tensors.ts';
import { AttentionRows } from './attention-rows.ts';
import type { LlamaConfig, Rope } from './config.ts';
import { familyOf } from './families.ts';
import { attentionScale, layersOf, windowOf } from './layers.ts';
import { type Parameters, parameterShapes } from './parameters.ts';
import { rotaryTable } from './rope.ts';

/** Parameters as inputs of the graph, by their Hugging Face names; those of an adapter by PEFT's. */
export type Weights = ReadonlyMap<string, Value>;

export function weightInputs(
  graph: Graph,
  config: LlamaConfig,
  adapter?: LoraConfig,
  { half = false }: { readonly half?: boolean } = {},
): Weights {
  const parameter = ({ name, shape }: TensorShape): [string, Value] => {
    if (!half) return [name, graph.input(name, shape)];
    const narrow = graph.input(name, shape, 'float16');
    // Matrices are widened where they are used.
    return [name, shape.length === 1 ? widened(graph, narrow) : narrow];
  };
  const own = (adapter ? loraShapes(config, adapter) : []).map(({ name, shape }): [string, Value] => [
    name,
    graph.input(name, shape),
  ]);
  return new Map([...parameterShapes(config).map(parameter), ...own]);
}

/** Parameters as constants, laid out by the runtime for its products once: it does so at every product with an input, and that
 * is most of the time of a product with few rows. */
export function weightConstants(graph: Graph, parameters: Parameters): Weights {
  return new Map(
    parameters.shapes.map(({ name, shape }) => [
      name,
      graph.constant(name, shape, () => parameters.get(name)),
    ]),
  );
}

/** The tables of rotary positions that hiddenStates takes for rows of T tokens: `cos` and `sin` [T, d/2], and `cos.local` and
 * `sin.local` where sliding layers have others. */
export function rotaryFeeds(config: LlamaConfig, length: number): Record<string, Tensor> {
  const shape = [length, config.headDim / 2];
  const table = (rope: Rope, suffix = '') => {
    const { cos, sin } = rotaryTable(rope, config.headDim, length);
    return {
      [`cos${suffix}`]: tensor('float32', cos, shape),
      [`sin${suffix}`]: tensor('float32', sin, shape),
    };
  };
  return { ...table(config), ...(config.localRope ? table(config.localRope, '.local') : {}) };
}

/** Tokens whose states are wanted; see MicroBatch. */
export interface Wanted {
  /** [R] int32 */
  readonly tokens: Value;
  /** [N] int32 each: where in [R] the states of a token are. */
  readonly targets: readonly Value[];
}

/** The last hidden states, normalised: ids [N] int64 → [N, H]. Also takes the inputs `positions` [N, 1] int64 and
 * `mask` [B or 1, 1, 1, T, T], by which padding never reaches a real token (and, where layers are sliding, `mask.sliding`, the same
 * with their window), those of rotaryFeeds and of rowFeeds. T is that of
 * the blocks together (see attention).
 * With an adapter, its matrices are among the weights. With `wanted` the states of these tokens only, [R, H]: the last layer's
 * projections are not computed for the others. */
export function hiddenStates(
  graph: Graph,
  config: LlamaConfig,
  weights: Weights,
  ids: Value,
  batch: Dim,
  blocks: Blocks,
  { adapter, wanted }: { readonly adapter?: LoraConfig | undefined; readonly wanted?: Wanted } = {},
): Value {
  const tokens = ids.shape[0] as Dim;
  const length = times(blocks.count, blocks.size);
  const { headDim, numAttentionHeads, numKeyValueHeads, intermediateSize, rmsNormEps } = config;
  const groups = numAttentionHeads / numKeyValueHeads;

  const { norms, queryKeyNorm, fused, unitGains, scaledEmbedding, activation } = familyOf(config);
  const gain = (weight: Value) => (unitGains ? shift(graph, weight, 1) : weight);
  const norm = (x: Value, name: string) =>
    rmsnorm(graph, x, gain(weights.get(`${name}.weight`) as Value), rmsNormEps);
  const project = (x: Value, name: string) => {
    const y = linear(graph, x, weights.get(`${name}.weight`) as Value, weights.get(`${name}.bias`));
    const names = loraNames(name);
    const [a, b] = [weights.get(names.a), weights.get(names.b)];
    return adapter && a && b ? lora(graph, y, x, a, b, adapter.alpha / adapter.rank) : y;
  };
  const headNorm = (x: Value, name: string) => {
    if (queryKeyNorm !== 'head') return queryKeyNorm ? norm(x, name) : x;
    const heads = reshape(graph, x, [times(tokens, (x.shape[1] as number) / headDim), headDim]);
    return reshape(graph, norm(heads, name), x.shape);
  };
  const rotated = (x: Value, [cos, sin]: readonly [Value, Value]) => {
    const sequences = reshape(graph, x, [tokens, 1, x.shape[1] as number]);
    return reshape(graph, rotary(graph, sequences, positions, cos, sin), x.shape);
  };
  const gated = activation === 'silu' ? swiglu : geglu;
  const widths = [numAttentionHeads, numKeyValueHeads, numKeyValueHeads].map((heads) => heads * headDim);
  const queryShape = [batch, numKeyValueHeads, groups, length, headDim];
  const keyShape = [batch, numKeyValueHeads, length, headDim];

  const rows = new AttentionRows(graph, config, tokens, times(batch, length));
  const positions = graph.input('positions', [tokens, 1], 'int64');
  const maskShape = ['masks', 1, 1, length, length];
  const mask = graph.input('mask', maskShape);
  const slidingMask = windowOf(config) ? graph.input('mask.sliding', maskShape) : mask;
  const table = (name: string) => graph.input(name, [length, headDim / 2]);
  const rope = [table('cos'), table('sin')] as const;
  const localRope = config.localRope ? ([table('cos.local'), table('sin.local')] as const) : rope;
  let x = gather(graph, weights.get('model.embed_tokens.weight') as Value, ids);
  if (scaledEmbedding) x = scale(graph, x, Math.sqrt(config.hiddenSize));
  for (const [layer, kind] of layersOf(config).entries()) {
    const at = (name: string) => `model.layers.${layer}.${name}`;
    const normed = (y: Value, module: string | undefined) => (module ? norm(y, at(module)) : y);
    const normal = normed(x, norms.beforeAttention);
    const parts = fused ? splitColumns(graph, project(normal, at('self_attn.qkv_proj')), widths) : [];
    const projected = (letter: string) =>
      parts['qkv'.indexOf(letter)] ?? project(normal, at(`self_attn.${letter}_proj`));
    const turned = (letter: string) => {
      const heads = headNorm(projected(letter), at(`self_attn.${letter}_norm`));
      return kind.rotated ? rotated(heads, kind.sliding ? localRope : rope) : heads;
    };
    const query = rows.lay(turned('q'), queryShape);
    const key = rows.lay(turned('k'), keyShape);
    const value = rows.lay(projected('v'), keyShape);
    const seen = kind.sliding ? slidingMask : mask;
    const heads = attention(graph, query, key, value, seen, attentionScale(config), blocks);
    let merged = rows.take(heads, numAttentionHeads);
    if (wanted && layer === config.numHiddenLayers - 1) {
      x = rearrange(graph, x, wanted.tokens, ...wanted.targets);
      merged = rearrange(graph, merged, wanted.tokens, ...wanted.targets);
    }
    x = add(graph, x, normed(project(merged, at('self_attn.o_proj')), norms.afterAttention));

    const inner = normed(x, norms.beforeMlp);
    const [gate, up] = fused
      ? [project(inner, at('mlp.gate_up_proj'))]
      : [project(inner, at('mlp.gate_proj')), project(inner, at('mlp.up_proj'))];
    const down = (z: Value) => {
      const [own, other] = up ? [z, up] : splitColumns(graph, z, [intermediateSize, intermediateSize]);
      return project(gated(graph, own as Value, other as Value), at('mlp.down_proj'));
    };
    // Cheap to compute again, and as wide as nothing else.
    x = add(graph, x, normed(graph.recomputed(gate as Value, down), norms.afterMlp));
  }
  return norm(x, 'model.norm');
}

/** Logits [N, V] of hidden states [N, H]. */
export function logits(graph: Graph, config: LlamaConfig, weights: Weights, hidden: Value): Value {
  const head = config.tieWordEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight';
  return linear(graph, hidden, weights.get(head) as Value);
}
