import type { Dim, Graph, Value } from '../graph.ts';
import { widened } from './widened.ts';

/** Rows of a table: y[i] = table[indices[i]]. table [V, H], indices [N] int64 → [N, H].
 * A table of float16 is widened row by row, and takes no gradient.
 * dtable[v] = Σ over i with indices[i] = v of dy[i]. ScatterElements adds one by one; ScatterND would be given rows
 * instead, but ONNX Runtime splits it over threads that race on repeated indices (1.30: wrong sums). */
export function gather(graph: Graph, table: Value, indices: Value): Value {
  const [rows, width] = table.shape as [Dim, Dim];
  const count = indices.shape[0] as Dim;
  if (table.type === 'float16') {
    const rows = graph.node('Gather', [table, indices], [count, width], { axis: 0 }, '', 'float16');
    return widened(graph, rows);
  }
  const y = graph.node('Gather', [table, indices], [count, width], { axis: 0 });
  return graph.differentiable(y, [table], (dy) => {
    const zeros = graph.node('ConstantOfShape', [graph.shape([rows, width])], [rows, width]);
    const column = graph.node('Reshape', [indices, graph.integers([-1, 1])], [count, 1], {}, '', 'int64');
    const at = graph.node('Expand', [column, graph.shape([count, width])], [count, width], {}, '', 'int64');
    return [graph.node('ScatterElements', [zeros, at, dy], [rows, width], { axis: 0, reduction: 'add' })];
  });
}
