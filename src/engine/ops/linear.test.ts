import { describe, it } from 'vitest';
import type { Graph, Value } from '../graph.ts';
import { checkGradients } from './finite-difference.contract.ts';
import { linear } from './linear.ts';

type Inputs = Readonly<Record<string, readonly number[]>>;
const [rows, output] = [3, 5];

// Wide ones have their gradient from a matrix that is transposed apart.
describe.each([4, 128, 130])('%i columns in', (input) => {
  const formula = ({ x, w, b }: Inputs) =>
    Array.from({ length: rows * output }, (_, at) => {
      const [n, o] = [Math.floor(at / output), at % output];
      let y = b?.[o] ?? 0;
      for (let i = 0; i < input; i++) y += x![n * input + i]! * w![o * input + i]!;
      return y;
    });
  const shapes = { x: { shape: [rows, input], dims: ['N', input] }, w: { shape: [output, input] } };
  const common = { symbols: { N: rows }, shape: [rows, output], formula, samples: 100 };

  it('is y = x Wᵀ', async () => {
    const build = (graph: Graph, { x, w }: Readonly<Record<string, Value>>) => linear(graph, x!, w!);
    await checkGradients({ ...common, inputs: shapes, build });
  });

  it('is y = x Wᵀ + b with a bias', async () => {
    const build = (graph: Graph, { x, w, b }: Readonly<Record<string, Value>>) => linear(graph, x!, w!, b);
    await checkGradients({ ...common, inputs: { ...shapes, b: { shape: [output] } }, build });
  });
});
