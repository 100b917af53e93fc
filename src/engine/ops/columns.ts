import type { Dim, Graph, Value } from '../graph.ts';

/** x [N, Σ widths] in parts of these widths. The gradient of each part is padded with zeros to x's shape. */
export function splitColumns(graph: Graph, x: Value, widths: readonly number[]): Value[] {
  const [rows, all] = x.shape as [Dim, number];
  let start = 0;
  return widths.map((width) => {
    const [from, to] = [start, start + width];
    start = to;
    const range = [graph.integers([from]), graph.integers([to]), graph.integers([1])];
    const part = graph.node('Slice', [x, ...range], [rows, width]);
    return graph.differentiable(part, [x], (dPart) => [
      graph.node('Pad', [dPart, graph.integers([0, from, 0, all - to])], x.shape),
    ]);
  });
}
