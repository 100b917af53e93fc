import type { Graph, Value } from '../graph.ts';

/** y = silu(gate) · up with silu(z) = z σ(z); same shapes.
 * dgate = dy · up · (σ + silu · (1 − σ)) ; dup = dy · silu(gate). */
export function swiglu(graph: Graph, gate: Value, up: Value): Value {
  const { shape } = gate;
  const binary = (type: string, a: Value, b: Value) => graph.node(type, [a, b], shape);
  const silu = graph.node('QuickGelu', [gate], shape, { alpha: { float: 1 } }, 'com.microsoft');
  return graph.differentiable(binary('Mul', silu, up), [gate, up], (dy) => {
    const sigmoid = graph.node('Sigmoid', [gate], shape);
    const slope = binary('Add', sigmoid, binary('Mul', silu, binary('Sub', graph.scalar(1), sigmoid)));
    return [binary('Mul', binary('Mul', dy, up), slope), binary('Mul', dy, silu)];
  });
}
