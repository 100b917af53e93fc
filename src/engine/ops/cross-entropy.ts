import type { Dim, Graph, Value } from '../graph.ts';

/** log p(label) of each row: logits [N, V], labels [N] int64 → [N].
 * dlogits = dy · (onehot(label) − softmax(logits)). */
export function labelLogProbability(graph: Graph, logits: Value, labels: Value): Value {
  const [rows, width] = logits.shape as [Dim, Dim];
  const logp = graph.node('LogSoftmax', [logits], logits.shape, { axis: -1 });
  const column = (value: Value, type: 'float32' | 'int64') =>
    graph.node('Reshape', [value, graph.integers([-1, 1])], [rows, 1], {}, '', type);
  const at = column(labels, 'int64');
  const picked = graph.node('GatherElements', [logp, at], [rows, 1], { axis: 1 });
  const y = graph.node('Reshape', [picked, graph.integers([-1])], [rows]);
  return graph.differentiable(y, [logits], (dy) => {
    const gradient = column(dy, 'float32');
    const spread = graph.node(
      'Mul',
      [graph.node('Exp', [logp], logits.shape), graph.node('Neg', [gradient], [rows, 1])],
      [rows, width],
    );
    return [
      graph.node('ScatterElements', [spread, at, gradient], logits.shape, { axis: 1, reduction: 'add' }),
    ];
  });
}
