import { expect, it } from 'vitest';
import { add } from './add.ts';
import { checkGradients } from './finite-difference.contract.ts';

it('adds', async () => {
  await checkGradients({
    inputs: { a: { shape: [2, 3] }, b: { shape: [2, 3] } },
    shape: [2, 3],
    build: (graph, { a, b }) => add(graph, a!, b!),
    formula: ({ a, b }) => a!.map((x, i) => x + b![i]!),
  });
});

it('sums the gradients of a value that is used twice', async () => {
  const { gradients } = await checkGradients({
    inputs: { a: { shape: [4] } },
    shape: [4],
    build: (graph, { a }) => add(graph, add(graph, a!, a!), a!),
    formula: ({ a }) => a!.map((x) => 3 * x),
  });
  expect(gradients.a).toHaveLength(4);
});
