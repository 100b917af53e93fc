import type { Dim, Graph, Value } from '../graph.ts';

/** y = x Wᵀ. x [N, in], weight [out, in] (Hugging Face's layout) → [N, out].
 * dx = dy W; dW = dyᵀ x. */
export function linear(graph: Graph, x: Value, weight: Value): Value {
  const [rows, input] = x.shape as [Dim, Dim];
  const output = weight.shape[0] as Dim;
  const y = graph.node('Gemm', [x, weight], [rows, output], { transB: 1 });
  return graph.differentiable(y, [x, weight], (dy) => [
    graph.node('Gemm', [dy, weight], [rows, input]),
    graph.node('Gemm', [dy, x], [output, input], { transA: 1 }),
  ]);
}
