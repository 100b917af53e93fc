import type { Graph, Value } from '../graph.ts';

/** Added to a score that must not count: its weight is exactly 0, and a row of nothing else is no NaN, as −∞ would make it. */
export const MASKED = -1e9;

/** Which columns before its own a token does not see: those before its group's first, and those from where what the group
 * shares ends to where the token's branch begins. [B·T] each. */
export interface Sight {
  readonly group: Int32Array;
  readonly shared: Int32Array;
  readonly branch: Int32Array;
}

/** [B, T, T]: 0 where the token in column t of a row may look, a large negative number elsewhere: at columns 0..t of its own
 * group, but not at the group's other branches (see MicroBatch); with a window, at the last so many tokens of its sequence, itself
 * among them. */
export function attentionMask(
  length: number,
  { group, shared, branch }: Sight,
  window = Number.POSITIVE_INFINITY,
): Float32Array {
  const mask = new Float32Array(group.length * length);
  for (let at = 0; at < group.length; at++) {
    const origin = at * length;
    const next = (at % length) + 1;
    const hide = (from: number, to: number) => mask.fill(MASKED, origin + from, origin + to);
    const [first, end, begin] = [group[at] as number, shared[at] as number, branch[at] as number];
    hide(next, length);
    hide(0, first);
    if (begin > 0) hide(end, begin);
    // Up to the token lie those of its branch, or of its group where that has none.
    const own = begin > 0 ? begin : first;
    hide(own, Math.max(own, next - window));
    const before = Math.max(0, window - (next - own));
    if (begin > 0) hide(first, Math.max(first, end - before));
  }
  return mask;
}

/** [1, T, T]: the mask of rows that hold one sequence. */
export function causalMask(length: number, window?: number): Float32Array {
  const none = new Int32Array(length);
  return attentionMask(length, { group: none, shared: none, branch: none }, window);
}

/** Softmax over keys of scores [B, K, G, T, T] under a mask [B or 1, 1, 1, T, T] (see attentionMask). */
export function softmax(graph: Graph, scores: Value, mask: Value): Value {
  const masked = graph.node('Add', [scores, mask], scores.shape);
  return graph.node('Softmax', [masked], scores.shape, { axis: -1 });
}

/** With p the probabilities: dscores = p · (dp − Σ dp p). */
export function softmaxGradient(graph: Graph, p: Value, dp: Value): Value {
  const weighted = graph.node('Mul', [dp, p], p.shape);
  const sums = [...p.shape.slice(0, -1), 1];
  const total = graph.node('ReduceSum', [weighted, graph.integers([-1])], sums, { keepdims: 1 });
  return graph.node('Sub', [weighted, graph.node('Mul', [p, total], p.shape)], p.shape);
}

/** softmax, differentiable in the scores. */
export function maskedSoftmax(graph: Graph, scores: Value, mask: Value): Value {
  const p = softmax(graph, scores, mask);
  return graph.differentiable(p, [scores], (dp) => [softmaxGradient(graph, p, dp)]);
}
