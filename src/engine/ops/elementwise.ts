import type { Graph, Value } from '../graph.ts';

/** c = a · b, same shape; `b` may be a constant input that takes no gradient. da = dc b, db = dc a. */
export function multiply(graph: Graph, a: Value, b: Value): Value {
  const product = (x: Value, y: Value) => graph.node('Mul', [x, y], a.shape);
  return graph.differentiable(product(a, b), [a, b], (dc) => [product(dc, b), product(dc, a)]);
}

/** s = Σ x, a scalar. dx = ds everywhere. */
export function sum(graph: Graph, x: Value): Value {
  const s = graph.node('ReduceSum', [x], [], { keepdims: 0 });
  return graph.differentiable(s, [x], (ds) => [graph.node('Expand', [ds, graph.shape(x.shape)], x.shape)]);
}

/** y = k x. dx = k dy. */
export function scale(graph: Graph, x: Value, k: number): Value {
  const times = (value: Value) => graph.node('Mul', [value, graph.scalar(k)], x.shape);
  return graph.differentiable(times(x), [x], (dy) => [times(dy)]);
}

/** y = x + k. dx = dy. */
export function shift(graph: Graph, x: Value, k: number): Value {
  return graph.differentiable(graph.node('Add', [x, graph.scalar(k)], x.shape), [x], (dy) => [dy]);
}

/** c = a − b, same shape. da = dc, db = −dc. */
export function subtract(graph: Graph, a: Value, b: Value): Value {
  const c = graph.node('Sub', [a, b], a.shape);
  return graph.differentiable(c, [a, b], (dc) => [dc, graph.node('Neg', [dc], a.shape)]);
}

/** y = log σ(x) = −softplus(−x). dx = dy · σ(−x). */
export function logSigmoid(graph: Graph, x: Value): Value {
  const negative = graph.node('Neg', [x], x.shape);
  const y = graph.node('Neg', [graph.node('Softplus', [negative], x.shape)], x.shape);
  return graph.differentiable(y, [x], (dy) => [
    graph.node('Mul', [dy, graph.node('Sigmoid', [negative], x.shape)], x.shape),
  ]);
}
