import { type Dim, type Graph, times, type Value } from '../graph.ts';

/** Rows start to end of x [N, …], of which there are N; the gradient is zero elsewhere. */
function slice(graph: Graph, x: Value, start: Dim, end: Dim, shape: readonly Dim[]): Value {
  const inputs = [x, graph.shape([start]), graph.shape([end]), graph.integers([0])];
  return graph.node('Slice', inputs, shape, {}, '', x.type);
}

/** x [count · n, …] in `count` parts of n rows. The gradient of each part is padded with zeros to x's shape. */
export function splitRows(graph: Graph, x: Value, count: number, n: Dim): Value[] {
  const [, ...rest] = x.shape;
  const shape = [n, ...rest];
  return Array.from({ length: count }, (_, i) => {
    const part = slice(graph, x, times(i, n), times(i + 1, n), shape);
    if (x.type !== 'float32') return part;
    return graph.differentiable(part, [x], (dPart) => {
      const none = rest.map(() => 0);
      const pads = graph.shape([times(i, n), ...none, times(count - 1 - i, n), ...none]);
      return [graph.node('Pad', [dPart, pads], x.shape)];
    });
  });
}

/** Parts [n, …] under one another: [count · n, …]. The gradient is cut into theirs. */
export function joinRows(graph: Graph, parts: readonly Value[]): Value {
  const { shape } = parts[0] as Value;
  const [n, ...rest] = shape as [Dim, ...Dim[]];
  const y = graph.node('Concat', parts, [times(parts.length, n), ...rest], { axis: 0 });
  return graph.differentiable(y, parts, (dy) =>
    parts.map((_, i) => slice(graph, dy, times(i, n), times(i + 1, n), shape)),
  );
}
