import type { Dim, Graph, Value } from '../graph.ts';

/** The same elements under another shape. The gradient is reshaped back. */
export function reshape(graph: Graph, x: Value, shape: readonly Dim[]): Value {
  const y = graph.node('Reshape', [x, graph.shape(shape)], shape, {}, '', x.type);
  return graph.differentiable(y, [x], (dy) => [graph.node('Reshape', [dy, graph.shape(x.shape)], x.shape)]);
}

/** Rows at other places: y[i] = x[from[i]]. x [N, d], from [M] and to [N] int32 → [M, d]. `to` is the way back:
 * from[to[n]] = n for each row n that a loss depends on, and dx[n] = dy[to[n]]. A row that is taken several times stands in
 * where there is none: dy has to be zero at its `to`. */
export function rearrange(graph: Graph, x: Value, from: Value, to: Value): Value {
  const width = x.shape[1] as Dim;
  const rows = (values: Value, indices: Value) =>
    graph.node('Gather', [values, indices], [indices.shape[0] as Dim, width], { axis: 0 });
  return graph.differentiable(rows(x, from), [x], (dy) => [rows(dy, to)]);
}
