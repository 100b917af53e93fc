import { it } from 'vitest';
import { checkGradients, numbers } from './finite-difference.contract.ts';
import { geglu } from './geglu.ts';

it.each([1, 5, 20])('is gelu(gate) · up in its tanh form, for gates up to %i', async (size) => {
  await checkGradients({
    inputs: { gate: { shape: [3, 4], data: numbers(12, 6, size) }, up: { shape: [3, 4] } },
    shape: [3, 4],
    build: (graph, { gate, up }) => geglu(graph, gate!, up!),
    formula: ({ gate, up }) =>
      gate!.map((z, i) => {
        const t = Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3));
        return 0.5 * z * (1 + t) * up![i]!;
      }),
  });
});
