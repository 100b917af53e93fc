import type { Dim, Graph, Value } from '../graph.ts';

/** The same elements under another shape. The gradient is reshaped back. */
export function reshape(graph: Graph, x: Value, shape: readonly Dim[]): Value {
  const y = graph.node('Reshape', [x, graph.shape(shape)], shape, {}, '', x.type);
  return graph.differentiable(y, [x], (dy) => [graph.node('Reshape', [dy, graph.shape(x.shape)], x.shape)]);
}

/** Dimensions reordered: y.shape[i] = x.shape[order[i]]. The gradient takes the inverse order. */
export function transpose(graph: Graph, x: Value, order: readonly number[]): Value {
  const y = graph.node(
    'Transpose',
    [x],
    order.map((dim) => x.shape[dim] as Dim),
    { perm: order },
  );
  const inverse = order.map((_, i) => order.indexOf(i));
  return graph.differentiable(y, [x], (dy) => [graph.node('Transpose', [dy], x.shape, { perm: inverse })]);
}
