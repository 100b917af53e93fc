import { expect, it } from 'vitest';
import { checkGradients, evaluate } from './finite-difference.contract.ts';
import { gather } from './gather.ts';

it('takes rows; a row taken several times gets all its gradients, one never taken gets none', async () => {
  const indices = [3, 0, 3, 1, 3, 0];
  for (const dims of [[6], ['N']]) {
    const { gradients } = await checkGradients({
      inputs: { table: { shape: [5, 4] } },
      integers: { indices: { shape: [6], dims, data: indices } },
      symbols: { N: 6 },
      shape: [6, 4],
      build: (graph, { table, indices: at }) => gather(graph, table!, at!),
      formula: ({ table }) => indices.flatMap((row) => table!.slice(4 * row, 4 * row + 4)),
    });
    expect(gradients.table!.slice(8, 12)).toEqual([0, 0, 0, 0]);
    expect(gradients.table!.slice(16)).toEqual([0, 0, 0, 0]);
  }
});

it('adds up repeated rows the same on several threads as on one', async () => {
  const [rows, width, count] = [8, 64, 2048];
  const check = {
    inputs: { table: { shape: [rows, width] } },
    integers: { indices: { shape: [count], data: Array.from({ length: count }, (_, i) => (i * 5) % rows) } },
    shape: [count, width],
    build: (...[graph, { table, indices }]: Parameters<Parameters<typeof evaluate>[0]['build']>) =>
      gather(graph, table!, indices!),
    formula: () => [],
  };
  const alone = await evaluate(check, 1);
  for (let run = 0; run < 5; run++) {
    const together = await evaluate(check, 4);
    expect(together.gradients.table).toEqual(alone.gradients.table);
  }
});
