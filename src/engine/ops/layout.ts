import type { Dim, Graph, Value } from '../graph.ts';

/** The same elements under another shape. The gradient is reshaped back. */
export function reshape(graph: Graph, x: Value, shape: readonly Dim[]): Value {
  const y = graph.node('Reshape', [x, graph.shape(shape)], shape, {}, '', x.type);
  return graph.differentiable(y, [x], (dy) => [graph.node('Reshape', [dy, graph.shape(x.shape)], x.shape)]);
}

/** Rows at other places: y[i] = x[from[i]]. x [N, …], from [M] and each of `to` [N], int32 → [M, …]. `to` is the way back: where
 * the rows that were made of row n are, each of them that counts in one of `to`; dx[n] = Σ dy[to[n]]. Where there is none, it
 * says a row that counts for nothing: whose dy is zero. */
export function rearrange(graph: Graph, x: Value, from: Value, ...to: readonly Value[]): Value {
  const width = x.shape[1] as Dim;
  const rows = (values: Value, indices: Value) =>
    graph.node('Gather', [values, indices], [indices.shape[0] as Dim, width], { axis: 0 });
  return graph.differentiable(rows(x, from), [x], (dy) => {
    const parts = to.map((places) => rows(dy, places));
    return [parts.reduce((sum, part) => graph.node('Add', [sum, part], x.shape))];
  });
}
