import { it } from 'vitest';
import { checkGradients } from './finite-difference.contract.ts';
import { linear } from './linear.ts';

it('is y = x Wᵀ', async () => {
  const [rows, input, output] = [3, 4, 5];
  await checkGradients({
    inputs: { x: { shape: [rows, input] }, w: { shape: [output, input] } },
    shape: [rows, output],
    build: (graph, { x, w }) => linear(graph, x!, w!),
    formula: ({ x, w }) =>
      Array.from({ length: rows * output }, (_, at) => {
        const [n, o] = [Math.floor(at / output), at % output];
        let y = 0;
        for (let i = 0; i < input; i++) y += x![n * input + i]! * w![o * input + i]!;
        return y;
      }),
  });
});
