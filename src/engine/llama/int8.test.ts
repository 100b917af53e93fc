import { expect, it } from 'vitest';
import { Graph } from '../graph.ts';
import { addsInt8 } from '../quantization-check.ts';
import { sequenceRandom } from '../sampling/random.ts';
import { loadGraph, shapeFeeds, tensor } from '../session.ts';
import { Int8Products, type Int8Weights, quantise } from './int8.ts';

/** On other processors int8 is refused. */
const exact = await addsInt8();

const [N, K] = [24, 40];
const next = sequenceRandom(5);
const normal = (size: number, scale = 1) =>
  Float32Array.from({ length: size }, () => scale * (next() + next() + next() + next() - 2));

it('rounds each row to 127 steps of its own', () => {
  const { values, scales } = quantise(Float32Array.of(1, -2, 0.5, 0, 0, 0, 1e-30, 1e-30, -1e-30), 3);
  expect([...scales]).toEqual([2 / 127, 0, 1e-30 / 127].map(Math.fround));
  // [K, N]
  expect([...values]).toEqual([64, 0, 127, -127, 0, 127, 32, 0, -127]);
});

/** x Wᵀ of so many rows. */
async function products(weights: Float32Array, x: Float32Array): Promise<Float32Array> {
  const graph = new Graph();
  const rows = graph.input('x', ['M', K]);
  const matrix = quantise(weights, N);
  const known = { shape: () => [N, K], get: () => matrix } as unknown as Int8Weights;
  graph.output('y', new Int8Products(graph, known).product(rows, 'w'));
  const session = await loadGraph(graph.encode(), 1);
  const M = x.length / K;
  const feeds = { ...shapeFeeds(session, { M }), x: tensor('float32', x, [M, K]) };
  const { y } = await session.run(feeds);
  await session.release();
  return y?.data as Float32Array;
}

it.skipIf(!exact).each([1e-3, 1, 1e4])(
  'is off by no more than both roundings, for rows of size %s',
  async (scale) => {
    const weights = normal(N * K);
    weights.fill(0, 3 * K, 4 * K);
    const x = normal(8 * K, scale);
    x.fill(0, 2 * K, 3 * K);
    x[5 * K] = 1000 * scale;
    const y = await products(weights, x);
    const most = (row: Float32Array) => Math.max(...row.map(Math.abs)) / 127;
    for (let m = 0; m < 8; m++) {
      const row = x.subarray(m * K, (m + 1) * K);
      for (let n = 0; n < N; n++) {
        const column = weights.subarray(n * K, (n + 1) * K);
        const [a, b] = [most(row) / 2, most(column) / 2];
        let [exact, bound] = [0, 0];
        for (let k = 0; k < K; k++) {
          const [one, other] = [row[k] as number, column[k] as number];
          exact += one * other;
          bound += Math.abs(one) * b + Math.abs(other) * a + a * b;
        }
        expect(Math.abs((y[m * N + n] as number) - exact)).toBeLessThanOrEqual(1.00001 * bound);
      }
    }
  },
);

it('gives a row what it gives it alone', async () => {
  const weights = normal(N * K);
  const x = normal(9 * K);
  x[4 * K] = 500;
  const together = await products(weights, x);
  for (let m = 0; m < 9; m++) {
    const alone = await products(weights, x.slice(m * K, (m + 1) * K));
    expect(alone).toEqual(together.slice(m * N, (m + 1) * N));
  }
});

it.skipIf(!exact)('adds up the largest products exactly: the processor does not saturate', async () => {
  const y = await products(new Float32Array(N * K).fill(127), new Float32Array(2 * K).fill(127));
  expect([...y]).toEqual(new Array(2 * N).fill(127 * 127 * K));
});
