import { it } from 'vitest';
import { checkGradients, numbers } from './finite-difference.contract.ts';
import { swiglu } from './swiglu.ts';

it.each([1, 10, 60])('is silu(gate) · up, for gates up to %i', async (size) => {
  await checkGradients({
    inputs: { gate: { shape: [3, 4], data: numbers(12, 6, size) }, up: { shape: [3, 4] } },
    shape: [3, 4],
    build: (graph, { gate, up }) => swiglu(graph, gate!, up!),
    formula: ({ gate, up }) => gate!.map((z, i) => (z / (1 + Math.exp(-z))) * up![i]!),
  });
});
