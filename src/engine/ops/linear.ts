import type { Dim, Graph, Value } from '../graph.ts';
import { widened, widenedAgain } from './widened.ts';

/** Columns of a product that the runtime takes at a time. */
const PANEL = 128;

/** y = x Wᵀ + b. x [N, in], weight [out, in] (Hugging Face's layout), bias [out] or none → [N, out].
 * dx = dy W; dW = dyᵀ x; db = Σ_N dy. */
export function linear(graph: Graph, x: Value, weight: Value, bias?: Value): Value {
  const [rows, input] = x.shape as [Dim, Dim];
  const output = weight.shape[0] as Dim;
  if (weight.type === 'float16') return frozen(graph, x, weight, bias);
  const inputs = bias ? [x, weight, bias] : [x, weight];
  const y = graph.node('Gemm', inputs, [rows, output], { transB: 1 });
  return graph.differentiable(y, inputs, (dy) => [
    graph.node('Gemm', [dy, weight], [rows, input]),
    weightGradient(graph, dy, x),
    ...(bias ? [graph.node('ReduceSum', [dy, graph.integers([0])], bias.shape, { keepdims: 0 })] : []),
  ]);
}

/** The same with a weight of float16 that takes no gradient: widened for the product, and again for its gradient, so that it is never
 * kept in between. */
function frozen(graph: Graph, x: Value, weight: Value, bias?: Value): Value {
  const [rows, input] = x.shape as [Dim, Dim];
  const wide = widened(graph, weight);
  const y = graph.node('Gemm', bias ? [x, wide, bias] : [x, wide], [rows, weight.shape[0] as Dim], {
    transB: 1,
  });
  return graph.differentiable(y, [x], (dy) => [
    graph.node('Gemm', [dy, widenedAgain(graph, weight)], [rows, input]),
  ]);
}

/** dyᵀ x. The runtime transposes a first factor anew for each panel of the second, so for several it is done here once:
 * as a matrix of three dimensions, since a plain transposition would be fused into the product again. */
function weightGradient(graph: Graph, dy: Value, x: Value): Value {
  const [rows, output] = dy.shape as [Dim, Dim];
  const input = x.shape[1] as number;
  if (input <= PANEL) return graph.node('Gemm', [dy, x], [output, input], { transA: 1 });
  const reshaped = (value: Value, shape: readonly Dim[]) =>
    graph.node('Reshape', [value, graph.shape(shape)], shape);
  const cube = reshaped(dy, [1, rows, output]);
  const turned = graph.node('Transpose', [cube], [1, output, rows], { perm: [0, 2, 1] });
  return graph.node('Gemm', [reshaped(turned, [output, rows]), x], [output, input]);
}
