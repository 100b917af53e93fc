import type { Graph, Value } from '../graph.ts';

const MASKED = -1e9;

/** [G·T, T]: 0 where query row g·T + t may look (keys 0..t), a large negative number elsewhere. */
export function causalMask(groups: number, length: number): Float32Array {
  const mask = new Float32Array(groups * length * length);
  for (let row = 0; row < groups * length; row++) {
    mask.fill(MASKED, row * length + (row % length) + 1, (row + 1) * length);
  }
  return mask;
}

/** Softmax over keys of scores [B, K, G·T, T] under a mask [G·T, T] (see causalMask).
 * With p the probabilities: dscores = p · (dp − Σ dp p). */
export function maskedSoftmax(graph: Graph, scores: Value, mask: Value): Value {
  const masked = graph.node('Add', [scores, mask], scores.shape);
  const p = graph.node('Softmax', [masked], scores.shape, { axis: -1 });
  return graph.differentiable(p, [scores], (dp) => {
    const weighted = graph.node('Mul', [dp, p], scores.shape);
    const total = graph.node(
      'ReduceSum',
      [weighted, graph.integers([-1])],
      [...scores.shape.slice(0, -1), 1],
      {
        keepdims: 1,
      },
    );
    return [graph.node('Sub', [weighted, graph.node('Mul', [p, total], scores.shape)], scores.shape)];
  });
}
