import { it } from 'vitest';
import { checkGradients } from './finite-difference.contract.ts';
import { reshape, transpose } from './layout.ts';

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

it('transposes, and back by the inverse order', async () => {
  const [a, b, c] = [2, 3, 4];
  await checkGradients({
    inputs: { x: { shape: [a, b, c] } },
    shape: [c, a, b],
    build: (graph, { x }) => transpose(graph, x!, [2, 0, 1]),
    formula: ({ x }) => {
      const y: number[] = [];
      for (let k = 0; k < c; k++) {
        for (let i = 0; i < a; i++) for (let j = 0; j < b; j++) y.push(x![(i * b + j) * c + k]!);
      }
      return y;
    },
  });
});
