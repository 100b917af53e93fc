import { Graph } from '../graph.ts';
import { loadGraph, shapeFeeds, tensor, weightFeeds } from '../session.ts';
import { hiddenStates, logits, weightInputs } from './forward.ts';
import { fullRowFeeds } from './full-rows.contract.ts';
import type { Parameters } from './parameters.ts';

/** Logits [T, V] of each sequence by itself, from the graph that training differentiates. */
export async function allLogits(
  parameters: Parameters,
  sequences: readonly (readonly number[])[],
): Promise<Float32Array[]> {
  const { config } = parameters;
  const graph = new Graph();
  const weights = weightInputs(graph, config);
  const ids = graph.input('ids', ['B*T'], 'int64');
  const hidden = hiddenStates(graph, config, weights, ids, 'B', { count: 1, size: 'T' });
  graph.output('logits', logits(graph, config, weights, hidden));
  const session = await loadGraph(graph.encode(), 1);
  const found: Float32Array[] = [];
  for (const sequence of sequences) {
    const length = sequence.length;
    const outputs = await session.run({
      ...weightFeeds(session, parameters),
      ...shapeFeeds(session, { B: 1, T: length }),
      ...fullRowFeeds(config, 1, length),
      ids: tensor('int64', BigInt64Array.from(sequence, BigInt), [length]),
    });
    found.push(outputs.logits!.data as Float32Array);
  }
  await session.release();
  return found;
}
