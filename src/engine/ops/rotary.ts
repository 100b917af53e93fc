import type { Graph, Value } from '../graph.ts';

/** cos and sin of position · frequency_i, times a factor: [T, d/2] each, row by row. The product is rounded to float32, as
 * transformers computes it. */
export function rotaryAngles(
  length: number,
  frequencies: readonly number[],
  factor = 1,
): { cos: Float32Array; sin: Float32Array } {
  const half = frequencies.length;
  const cos = new Float32Array(length * half);
  const sin = new Float32Array(length * half);
  for (let position = 0; position < length; position++) {
    for (const [i, frequency] of frequencies.entries()) {
      const angle = Math.fround(position * frequency);
      cos[position * half + i] = factor * Math.cos(angle);
      sin[position * half + i] = factor * Math.sin(angle);
    }
  }
  return { cos, sin };
}

/** Rotary position embedding in Hugging Face's half-split layout. x [B, T, heads · d], positions [B, T] int64, cos and
 * sin [at least T, d/2] (see rotaryAngles).
 * A rotation is orthogonal: the gradient is the rotation by the negative angle, whatever factor cos and sin have. */
export function rotary(graph: Graph, x: Value, positions: Value, cos: Value, sin: Value): Value {
  const headDim = 2 * (cos.shape[1] as number);
  const attributes = { num_heads: (x.shape[2] as number) / headDim, interleaved: 0 };
  const rotate = (value: Value, sine: Value) =>
    graph.node('RotaryEmbedding', [value, positions, cos, sine], x.shape, attributes, 'com.microsoft');
  return graph.differentiable(rotate(x, sin), [x], (dy) => [rotate(dy, graph.node('Neg', [sin], sin.shape))]);
}
