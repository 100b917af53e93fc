import { beforeAll, describe, expect, it } from 'vitest';
import { Graph } from '../graph.ts';
import { multiply, sum } from '../ops/elementwise.ts';
import { numbers } from '../ops/finite-difference.contract.ts';
import { loadGraph, shapeFeeds, tensor, weightFeeds } from '../session.ts';
import type { LlamaConfig } from './config.ts';
import { hiddenStates, logits, weightInputs } from './forward.ts';
import { fullRowFeeds } from './full-rows.contract.ts';
import type { Parameters } from './parameters.ts';
import { referenceLogits } from './reference.contract.ts';
import { exactWeights, randomParameters, SHAPES } from './tiny.contract.ts';

const tiny: LlamaConfig = {
  vocabSize: 11,
  hiddenSize: 16,
  intermediateSize: 20,
  numHiddenLayers: 2,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  headDim: 4,
  maxPositionEmbeddings: 12,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: false,
  bosTokenId: 0,
  eosTokenIds: [1],
  padTokenId: 2,
};

interface Run {
  /** [B·T, V] */
  readonly logits: Float32Array;
  readonly gradients: ReadonlyMap<string, Float32Array>;
}

/** Logits, and the gradients of Σ w · logits, from one graph whose shapes are bound when it is run. */
async function runner(parameters: Parameters) {
  const { config } = parameters;
  const graph = new Graph();
  const weights = weightInputs(graph, config);
  const ids = graph.input('ids', ['B*T'], 'int64');
  const y = logits(
    graph,
    config,
    weights,
    hiddenStates(graph, config, weights, ids, 'B', { count: 1, size: 'T' }),
  );
  const loss = sum(graph, multiply(graph, y, graph.input('w', y.shape)));
  const names = [...weights.keys()];
  const gradients = graph.gradients(loss, [...weights.values()]);
  graph.output('logits', y);
  for (const [i, gradient] of gradients.entries()) graph.output(`d.${names[i]}`, gradient);
  const session = await loadGraph(graph.encode(), 1);
  return async (sequences: readonly (readonly number[])[], w?: readonly number[]): Promise<Run> => {
    const [batch, length] = [sequences.length, sequences[0]!.length];
    const size = batch * length * config.vocabSize;
    const results = await session.run({
      ...weightFeeds(session, parameters),
      ...shapeFeeds(session, { B: batch, T: length }),
      ids: tensor('int64', BigInt64Array.from(sequences.flat(), BigInt), [batch * length]),
      ...fullRowFeeds(config, batch, length),
      w: tensor('float32', Float32Array.from(w ?? new Array(size).fill(0)), [
        batch * length,
        config.vocabSize,
      ]),
    });
    return {
      logits: results.logits!.data as Float32Array,
      gradients: new Map(names.map((name) => [name, results[`d.${name}`]!.data as Float32Array])),
    };
  };
}

const sequences = [
  [0, 3, 7, 7, 10],
  [0, 9, 4, 1, 2],
];

describe.each(SHAPES)('%s', (_, change) => {
  const config = { ...tiny, ...change };
  const parameters = randomParameters(config);
  const exact = exactWeights(parameters);
  let run: Awaited<ReturnType<typeof runner>>;
  beforeAll(async () => {
    run = await runner(parameters);
  });

  it('gives the logits of the reference', async () => {
    const { logits: found } = await run(sequences);
    const expected = sequences.flatMap((ids) => referenceLogits(config, exact, ids));
    expect(found.length).toBe(expected.length);
    expect(Math.max(...expected.map(Math.abs))).toBeGreaterThan(1);
    for (const [i, value] of expected.entries()) expect(found[i]).toBeCloseTo(value, 4);
  });

  it('has the gradients of the reference, by central differences', async () => {
    const w = Array.from(Float32Array.from(numbers(sequences.flat().length * config.vocabSize, 77)));
    const { gradients } = await run(sequences, w);
    const loss = () =>
      sequences
        .flatMap((ids) => referenceLogits(config, exact, ids))
        .reduce((total, value, i) => total + value * w[i]!, 0);
    const step = 1e-5;
    for (const [name, values] of exact) {
      const found = gradients.get(name)!;
      const scale = Math.max(...found.map(Math.abs));
      expect(scale, name).toBeGreaterThan(0.01);
      for (let i = 0; i < values.length; i += Math.max(1, Math.floor(values.length / 7))) {
        const value = values[i]!;
        values[i] = value + step;
        const above = loss();
        values[i] = value - step;
        const below = loss();
        values[i] = value;
        const difference = (above - below) / (2 * step);
        expect(Math.abs(found[i]! - difference) / scale, `${name}[${i}]`).toBeLessThan(2e-4);
      }
    }
  });

  it('looks backwards only: a later token changes no earlier logits', async () => {
    const before = (await run([[0, 3, 7, 5, 10]])).logits;
    const after = (await run([[0, 3, 7, 6, 1]])).logits;
    const seen = 3 * config.vocabSize;
    expect(after.subarray(0, seen)).toEqual(before.subarray(0, seen));
    expect(after.subarray(seen)).not.toEqual(before.subarray(seen));
  });

  it('padding on the right and neighbours in the batch change nothing', async () => {
    const alone = (await run([[0, 3, 7]])).logits;
    const padded = (
      await run([
        [0, 3, 7, 2, 2, 2],
        [0, 9, 4, 1, 8, 6],
      ])
    ).logits;
    for (const [i, value] of alone.entries()) expect(padded[i]).toBeCloseTo(value, 5);
  });
});

it('padding takes no gradient where its logits are not in the loss', async () => {
  const parameters = randomParameters(tiny);
  const run = await runner(parameters);
  const w = numbers(3 * tiny.vocabSize, 5);
  const alone = await run([[0, 3, 7]], w);
  const padded = await run([[0, 3, 7, 2, 2]], [...w, ...new Array(2 * tiny.vocabSize).fill(0)]);
  for (const [name, gradient] of alone.gradients) {
    for (const [i, value] of gradient.entries()) {
      expect(padded.gradients.get(name)![i], `${name}[${i}]`).toBeCloseTo(value, 4);
    }
  }
});
