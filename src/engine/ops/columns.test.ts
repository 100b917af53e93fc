import { it } from 'vitest';
import { splitColumns } from './columns.ts';
import { multiply } from './elementwise.ts';
import { checkGradients } from './finite-difference.contract.ts';

it('cuts rows into parts, and their gradients go where they came from', async () => {
  await checkGradients({
    inputs: { x: { shape: [3, 7], dims: ['N', 7] } },
    symbols: { N: 3 },
    shape: [3, 2],
    build: (graph, { x }) => {
      const [a, , b] = splitColumns(graph, x!, [2, 3, 2]);
      return multiply(graph, a!, b!);
    },
    formula: ({ x }) =>
      [0, 1, 2].flatMap((row) => [0, 1].map((i) => x![7 * row + i]! * x![7 * row + 5 + i]!)),
  });
});
