import { expect, it } from 'vitest';
import { multiply } from './elementwise.ts';
import { checkGradients } from './finite-difference.contract.ts';
import { rearrange, reshape } from './layout.ts';

it('reshapes', async () => {
  for (const dims of [
    [2, 3, 4],
    ['B', 3, 4],
  ]) {
    await checkGradients({
      inputs: { x: { shape: [2, 3, 4], dims } },
      symbols: { B: 2 },
      shape: [6, 4],
      build: (graph, { x }) => reshape(graph, x!, [dims[0] === 2 ? 6 : 'B*3', 4]),
      formula: ({ x }) => x!,
    });
  }
});

it('rearranges rows, and back', async () => {
  const from = [2, 0, 3, 1];
  const to = from.map((_, n) => from.indexOf(n));
  await checkGradients({
    inputs: { x: { shape: [4, 3], dims: ['N', 3] } },
    integers: {
      from: { shape: [4], dims: ['N'], data: from },
      to: { shape: [4], dims: ['N'], data: to },
    },
    symbols: { N: 4 },
    shape: [4, 3],
    build: (graph, { x, from, to }) => rearrange(graph, x!, from!, to!),
    formula: ({ x }) => from.flatMap((row) => x!.slice(3 * row, 3 * row + 3)),
  });
});

it('fills up with a row that takes no gradient, where what is filled counts for nothing', async () => {
  // Rows 0 to 2 at places 1, 4 and 2; row 3 stands in elsewhere.
  const [from, to] = [
    [3, 0, 2, 3, 1, 3],
    [1, 4, 2, 0],
  ];
  const { gradients } = await checkGradients({
    inputs: { x: { shape: [4, 2] } },
    integers: { from: { shape: [6], data: from }, to: { shape: [4], data: to } },
    fixed: { counts: { shape: [6, 2], data: from.flatMap((row) => (row === 3 ? [0, 0] : [1, 1])) } },
    shape: [6, 2],
    build: (graph, { x, from, to, counts }) => multiply(graph, rearrange(graph, x!, from!, to!), counts!),
    formula: ({ x }) => from.flatMap((row) => (row === 3 ? [0, 0] : x!.slice(2 * row, 2 * row + 2))),
  });
  expect(gradients.x!.slice(6).map(Math.abs)).toEqual([0, 0]);
});

it('adds up what was made of a row twice', async () => {
  const from = [2, 0, 2];
  // Row 3 of what is made is nobody's.
  const to = [
    [1, 3, 0],
    [3, 3, 2],
  ];
  await checkGradients({
    inputs: { x: { shape: [3, 2] } },
    integers: {
      from: { shape: [4], data: [...from, 0] },
      first: { shape: [3], data: to[0] as number[] },
      second: { shape: [3], data: to[1] as number[] },
    },
    fixed: { counts: { shape: [4, 2], data: [1, 1, 1, 1, 1, 1, 0, 0] } },
    shape: [4, 2],
    build: (graph, { x, from, first, second, counts }) =>
      multiply(graph, rearrange(graph, x!, from!, first!, second!), counts!),
    formula: ({ x }) => [...from.flatMap((row) => x!.slice(2 * row, 2 * row + 2)), 0, 0],
  });
});
