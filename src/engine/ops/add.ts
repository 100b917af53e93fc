import type { Graph, Value } from '../graph.ts';

/** c = a + b, same shape. da = db = dc. */
export function add(graph: Graph, a: Value, b: Value): Value {
  return graph.differentiable(graph.node('Add', [a, b], a.shape), [a, b], (dc) => [dc, dc]);
}
