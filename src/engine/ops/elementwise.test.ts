import { expect, it } from 'vitest';
import { logSigmoid, multiply, scale, shift, subtract, sum } from './elementwise.ts';
import { checkGradients } from './finite-difference.contract.ts';

const pair = { a: { shape: [2, 3] }, b: { shape: [2, 3] } };

it('multiplies', async () => {
  await checkGradients({
    inputs: pair,
    shape: [2, 3],
    build: (graph, { a, b }) => multiply(graph, a!, b!),
    formula: ({ a, b }) => a!.map((x, i) => x * b![i]!),
  });
});

it('squares: both factors are one value', async () => {
  await checkGradients({
    inputs: { a: { shape: [5] } },
    shape: [5],
    build: (graph, { a }) => multiply(graph, a!, a!),
    formula: ({ a }) => a!.map((x) => x * x),
  });
});

it('subtracts', async () => {
  await checkGradients({
    inputs: pair,
    shape: [2, 3],
    build: (graph, { a, b }) => subtract(graph, a!, b!),
    formula: ({ a, b }) => a!.map((x, i) => x - b![i]!),
  });
});

it('scales by a constant', async () => {
  await checkGradients({
    inputs: { x: { shape: [3, 2] } },
    shape: [3, 2],
    build: (graph, { x }) => scale(graph, x!, -0.3),
    formula: ({ x }) => x!.map((v) => -0.3 * v),
  });
});

it('shifts by a constant', async () => {
  await checkGradients({
    inputs: { x: { shape: [3, 2] } },
    shape: [3, 2],
    build: (graph, { x }) => shift(graph, x!, 1),
    formula: ({ x }) => x!.map((v) => v + 1),
  });
});

it('sums everything, of a shape known only when run too', async () => {
  for (const dims of [
    [3, 4],
    ['N', 4],
  ]) {
    await checkGradients({
      inputs: { x: { shape: [3, 4], dims } },
      symbols: { N: 3 },
      shape: [],
      build: (graph, { x }) => sum(graph, x!),
      formula: ({ x }) => [x!.reduce((a, b) => a + b, 0)],
    });
  }
});

it('takes log σ', async () => {
  await checkGradients({
    inputs: { x: { shape: [7], data: [-6, -2, -0.5, 0, 0.5, 2, 6] } },
    shape: [7],
    build: (graph, { x }) => logSigmoid(graph, x!),
    formula: ({ x }) => x!.map((v) => -Math.log1p(Math.exp(-v))),
  });
});

it('takes log σ far from zero without overflow: x below, −e^−x above', async () => {
  const { y, gradients } = await checkGradients({
    inputs: { x: { shape: [6], data: [-1e4, -200, -100, 30, 200, 1e4] } },
    shape: [6],
    build: (graph, { x }) => logSigmoid(graph, x!),
    // Where exp overflows, the limit: log σ(x) → x.
    formula: ({ x }) => x!.map((v) => Math.min(v, 0) - Math.log1p(Math.exp(-Math.abs(v)))),
  });
  expect(y.slice(0, 3)).toEqual([-1e4, -200, -100]);
  expect(y[3]! / -Math.exp(-30)).toBeCloseTo(1, 4);
  expect(y.slice(4).map(Math.abs)).toEqual([0, 0]);
  expect(gradients.x!.every(Number.isFinite)).toBe(true);
});
