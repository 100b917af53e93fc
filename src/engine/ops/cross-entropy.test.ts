import { expect, it } from 'vitest';
import { labelLogProbability } from './cross-entropy.ts';
import { checkGradients, numbers } from './finite-difference.contract.ts';

const [rows, width] = [4, 6];
const labels = [5, 0, 2, 2];

const check = (size: number, dims: (number | string)[] = [rows]) => ({
  inputs: { logits: { shape: [rows, width], dims: [...dims, width], data: numbers(rows * width, 4, size) } },
  integers: { labels: { shape: [rows], dims, data: labels } },
  symbols: { N: rows },
  shape: [rows],
  build: (...[graph, { logits, labels: at }]: Parameters<Parameters<typeof checkGradients>[0]['build']>) =>
    labelLogProbability(graph, logits!, at!),
  formula: ({ logits }: Readonly<Record<string, readonly number[]>>) =>
    labels.map((label, row) => {
      const own = logits!.slice(row * width, (row + 1) * width);
      return -Math.log(own.reduce((total, other) => total + Math.exp(other - own[label]!), 0));
    }),
});

it('is log p of the label', async () => {
  await checkGradients(check(2));
  await checkGradients(check(2, ['N']));
});

it('stays finite and exact where softmax saturates', async () => {
  const { y, gradients } = await checkGradients(check(80));
  expect(y.every(Number.isFinite)).toBe(true);
  for (let row = 0; row < rows; row++) {
    const total = gradients.logits!.slice(row * width, (row + 1) * width).reduce((a, b) => a + b, 0);
    expect(Math.abs(total)).toBeLessThan(1e-6);
  }
});
