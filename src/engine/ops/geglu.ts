import type { Graph, Value } from '../graph.ts';

/** Of the argument of tanh, √(2/π) (z + 0.044715 z³). */
const [OUTER, INNER] = [Math.sqrt(2 / Math.PI), 0.044715];

/** y = gelu(gate) · up with gelu(z) = z (1 + t) / 2, t = tanh(√(2/π) (z + 0.044715 z³)); same shapes.
 * dgate = dy · up · ((1 + t) + z (1 − t²) √(2/π) (1 + 3 · 0.044715 z²)) / 2 ; dup = dy · gelu(gate). */
export function geglu(graph: Graph, gate: Value, up: Value): Value {
  const { shape } = gate;
  const binary = (type: string, a: Value, b: Value) => graph.node(type, [a, b], shape);
  const scaled = (a: Value, k: number) => binary('Mul', a, graph.scalar(k));
  const shifted = (a: Value) => binary('Add', a, graph.scalar(1));
  const gelu = graph.node('Gelu', [gate], shape, { approximate: 'tanh' });
  return graph.differentiable(binary('Mul', gelu, up), [gate, up], (dy) => {
    const square = binary('Mul', gate, gate);
    const argument = scaled(binary('Mul', gate, shifted(scaled(square, INNER))), OUTER);
    const t = graph.node('Tanh', [argument], shape);
    const rest = binary('Sub', graph.scalar(1), binary('Mul', t, t));
    const inner = scaled(shifted(scaled(square, 3 * INNER)), OUTER);
    const slope = binary('Add', shifted(t), binary('Mul', binary('Mul', gate, rest), inner));
    return [binary('Mul', binary('Mul', dy, up), scaled(slope, 0.5)), binary('Mul', dy, gelu)];
  });
}
