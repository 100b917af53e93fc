import type { Graph, Value } from '../graph.ts';
import { ELEMENT } from '../onnx.ts';

/** A value of float16 as float32. */
export function widened(graph: Graph, x: Value): Value {
  return graph.node('Cast', [x], x.shape, { to: ELEMENT.float32 });
}

/** The same again: the runtime must not find it equal to the one before, and keep that. */
export function widenedAgain(graph: Graph, x: Value): Value {
  const cube = [1, ...x.shape];
  const reshaped = graph.node('Reshape', [x, graph.shape(cube)], cube, {}, '', x.type);
  return graph.node('Reshape', [widened(graph, reshaped), graph.shape(x.shape)], x.shape);
}
