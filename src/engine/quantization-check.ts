import { Graph } from './graph.ts';
import { loadGraph, tensor } from './session.ts';

/** Whether the runtime adds up products of 8-bit integers as they are. On a processor without an instruction for it (AVX512-VNNI,
 * AVX-VNNI, Arm's dot product) it may add pairs of them in 16 bits, where large ones overflow unnoticed. */
export async function addsInt8(): Promise<boolean> {
  const [rows, width, size] = [4, 64, 32];
  const graph = new Graph();
  const x = graph.input('x', [rows, width], 'uint8');
  const weights = graph.constant('w', [width, size], () => new Int8Array(width * size).fill(127));
  const one = graph.scalar(1);
  const product = graph.node(
    'MatMulIntegerToFloat',
    [x, weights, one, one],
    [rows, size],
    {},
    'com.microsoft',
  );
  graph.output('y', product);
  const session = await loadGraph(graph.encode(), 1);
  const largest = new Uint8Array(rows * width).fill(255);
  const { y: sums } = await session.run({ x: tensor('uint8', largest, [rows, width]) });
  await session.release();
  return [...(sums?.data ?? [])].every((sum) => sum === 255 * 127 * width);
}
