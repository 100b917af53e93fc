import { it } from 'vitest';
import { multiply } from './elementwise.ts';
import { checkGradients } from './finite-difference.contract.ts';
import { joinRows, splitRows } from './rows.ts';

it.each([
  [1, 4],
  [2, 3],
  [4, 1],
])('%i parts of %i rows, each times its own, put together the other way round', async (count, n) => {
  const shape = [count * n, 3];
  const inputs = { x: { shape, dims: [`${count}*N`, 3] }, z: { shape, dims: [`${count}*N`, 3] } };
  await checkGradients({
    inputs,
    symbols: { N: n },
    shape,
    build: (graph, { x, z }) => {
      const [xs, zs] = [splitRows(graph, x!, count, 'N'), splitRows(graph, z!, count, 'N')];
      return joinRows(graph, xs.map((part, i) => multiply(graph, part, zs[i]!)).toReversed());
    },
    formula: ({ x, z }) => {
      const width = 3 * n;
      return x!.map((_, at) => {
        const from = (count - 1 - Math.floor(at / width)) * width + (at % width);
        return x![from]! * z![from]!;
      });
    },
  });
});
