import { type Dim, type Graph, times, type Value } from '../graph.ts';
import { reshape } from './layout.ts';
import { fusedProduct, matmul } from './matmul.ts';
import { maskedSoftmax, softmax, softmaxGradient } from './softmax.ts';

/** Longest block of queries: its scores, [B, K, G, BLOCK, T], are what attention needs of memory. */
const BLOCK = 512;

/** In how many blocks of queries rows of T tokens are attended; T has to be a multiple of it. */
export function attentionBlocks(length: number): number {
  let blocks = 1;
  while (length > blocks * BLOCK) blocks *= 2;
  return blocks;
}

/** T as a number of blocks of queries of one size. */
export interface Blocks {
  readonly count: number;
  readonly size: Dim;
}

/** Grouped-query attention: softmax(scale · q kᵀ + mask) v. q [B, K, G, T, d]; k, v [B, K, T, d]; mask [B or 1, 1, 1, T, T]
 * (see attentionMask) → [B, K, G, T, d]. The probabilities are computed again for the gradient. In several blocks, each block
 * of queries takes the keys up to its own end: memory grows with T, not with T². */
export function attention(
  graph: Graph,
  query: Value,
  key: Value,
  value: Value,
  mask: Value,
  scale: number,
  blocks: Blocks,
): Value {
  if (blocks.count > 1) return blockwise(graph, query, key, value, mask, scale, blocks);
  const [batch, keys, groups, length, headDim] = query.shape as [Dim, Dim, Dim, Dim, Dim];
  // The query heads of one key head become rows of one product.
  const rows = reshape(graph, query, [batch, keys, times(groups, length), headDim]);
  const attended = (q: Value) => {
    const scores = matmul(graph, q, key, { transB: true, scale });
    const heads = reshape(graph, scores, [batch, keys, groups, length, length]);
    const p = reshape(graph, maskedSoftmax(graph, heads, mask), scores.shape);
    return matmul(graph, p, value);
  };
  return reshape(graph, graph.recomputed(rows, attended), query.shape);
}

/** With p the probabilities of a block, o its output: dv = pᵀ do; ds = softmax's gradient of do vᵀ; dq = scale · ds k;
 * dk = scale · dsᵀ q; those of keys and values are summed over the blocks. */
function blockwise(
  graph: Graph,
  query: Value,
  key: Value,
  value: Value,
  mask: Value,
  scale: number,
  { count, size }: Blocks,
): Value {
  const [batch, keys, groups, , headDim] = query.shape as [Dim, Dim, Dim, Dim, Dim];
  const [start, end] = [(block: number) => times(block, size), (block: number) => times(block + 1, size)];
  const heads = [batch, keys, groups, size, headDim];
  const view = (x: Value, shape: readonly Dim[]) => graph.node('Reshape', [x, graph.shape(shape)], shape);
  const queries = (x: Value, block: number) => {
    const part = slice(graph, x, [[3, start(block), end(block)]], heads);
    return view(part, [batch, keys, times(groups, size), headDim]);
  };
  const upTo = (x: Value, block: number) => {
    return slice(graph, x, [[2, 0, end(block)]], [batch, keys, end(block), headDim]);
  };
  const probabilities = (q: Value, k: Value, block: number) => {
    const scores = fusedProduct(graph, q, k, { transB: true, scale });
    const cut = [
      [3, start(block), end(block)],
      [4, 0, end(block)],
    ] as const;
    const seen = slice(graph, mask, cut, [...mask.shape.slice(0, 3), size, end(block)]);
    const p = softmax(graph, view(scores, [batch, keys, groups, size, end(block)]), seen);
    return { p, flat: scores.shape };
  };

  const parts = Array.from({ length: count }, (_, block) => {
    const { p, flat } = probabilities(queries(query, block), upTo(key, block), block);
    return view(fusedProduct(graph, view(p, flat), upTo(value, block)), heads);
  });
  const output = graph.node('Concat', parts, query.shape, { axis: 3 });

  return graph.differentiable(output, [query, key, value], (dOutput) => {
    const gradients: { dq: Value; dk: Value; dv: Value }[] = [];
    let before: readonly Value[] = [dOutput];
    for (let block = 0; block < count; block++) {
      // Cut out again: as they were cut for the output they would be kept, and are half as much again as keys and values.
      const [q, k, v] = [query, key, value].map((x) => graph.after(x, before)) as [Value, Value, Value];
      const own = { q: queries(q, block), k: upTo(k, block), v: upTo(v, block) };
      const dHeads = queries(dOutput, block);
      const { p, flat } = probabilities(own.q, own.k, block);
      const dv = fusedProduct(graph, view(p, flat), dHeads, { transA: true });
      const dp = fusedProduct(graph, dHeads, own.v, { transB: true });
      const ds = view(softmaxGradient(graph, p, view(dp, p.shape)), flat);
      const dq = fusedProduct(graph, ds, own.k, { scale });
      const dk = fusedProduct(graph, ds, own.q, { transA: true, scale });
      gradients.push({ dq: view(dq, heads), dk, dv });
      before = [dq, dk, dv];
    }
    const total = (of: (block: (typeof gradients)[number]) => Value) => {
      const padded = gradients.map((block, i) => {
        const rest = graph.shape([0, 0, 0, 0, 0, 0, times(count - 1 - i, size), 0]);
        return i === count - 1 ? of(block) : graph.node('Pad', [of(block), rest], key.shape);
      });
      return graph.node('Sum', padded, key.shape);
    };
    return [
      graph.node(
        'Concat',
        gradients.map(({ dq }) => dq),
        query.shape,
        { axis: 3 },
      ),
      total(({ dk }) => dk),
      total(({ dv }) => dv),
    ];
  });
}

/** x[…, start:end, …] along some axes. */
function slice(
  graph: Graph,
  x: Value,
  ranges: readonly (readonly [axis: number, start: Dim, end: Dim])[],
  shape: readonly Dim[],
): Value {
  const inputs = [
    x,
    graph.shape(ranges.map(([, start]) => start)),
    graph.shape(ranges.map(([, , end]) => end)),
    graph.integers(ranges.map(([axis]) => axis)),
  ];
  return graph.node('Slice', inputs, shape);
}
