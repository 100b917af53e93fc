import type { Graph, Value } from '../graph.ts';

/** cos and sin of position · θ^(−2i/d) for i < d/2: [T, d/2] each, row by row. */
export function rotaryAngles(
  length: number,
  headDim: number,
  theta: number,
): { cos: Float32Array; sin: Float32Array } {
  const half = headDim / 2;
  const cos = new Float32Array(length * half);
  const sin = new Float32Array(length * half);
  for (let position = 0; position < length; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * theta ** ((-2 * i) / headDim);
      cos[position * half + i] = Math.cos(angle);
      sin[position * half + i] = Math.sin(angle);
    }
  }
  return { cos, sin };
}

/** Rotary position embedding in Hugging Face's half-split layout; positions count from 0. x [B, T, heads · d]
 * with T at most `length`.
 * A rotation is orthogonal: the gradient is the rotation by the negative angle. */
export function rotary(graph: Graph, x: Value, headDim: number, theta: number, length: number): Value {
  const width = x.shape[2] as number;
  const shape = [length, headDim / 2];
  const key = `${length}_${headDim}_${theta}`;
  const cos = graph.constant(`rotary_cos_${key}`, shape, () => rotaryAngles(length, headDim, theta).cos);
  const sin = graph.constant(`rotary_sin_${key}`, shape, () => rotaryAngles(length, headDim, theta).sin);
  const back = graph.constant(`rotary_back_${key}`, shape, () =>
    rotaryAngles(length, headDim, theta).sin.map((v) => -v),
  );
  const rotate = (value: Value, sine: Value) =>
    graph.node(
      'RotaryEmbedding',
      [value, graph.integers([0]), cos, sine],
      x.shape,
      { num_heads: width / headDim, interleaved: 0 },
      'com.microsoft',
    );
  return graph.differentiable(rotate(x, sin), [x], (dy) => [rotate(dy, back)]);
}
