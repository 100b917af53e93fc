import { it } from 'vitest';
import { checkGradients } from './finite-difference.contract.ts';
import { matmul } from './matmul.ts';

const [outer, inner, rows, shared, columns] = [2, 3, 2, 4, 5];

for (const transB of [false, true]) {
  for (const scale of [1, 0.37]) {
    it(`multiplies batches: transB ${transB}, scale ${scale}`, async () => {
      await checkGradients({
        inputs: {
          a: { shape: [outer, inner, rows, shared] },
          b: { shape: [outer, inner, ...(transB ? [columns, shared] : [shared, columns])] },
        },
        shape: [outer, inner, rows, columns],
        build: (graph, { a, b }) => matmul(graph, a!, b!, { transB, scale }),
        formula: ({ a, b }) =>
          Array.from({ length: outer * inner * rows * columns }, (_, at) => {
            const c = at % columns;
            const r = Math.floor(at / columns) % rows;
            const batch = Math.floor(at / (columns * rows));
            let y = 0;
            for (let k = 0; k < shared; k++) {
              const right = transB ? c * shared + k : k * columns + c;
              y += a![(batch * rows + r) * shared + k]! * b![batch * shared * columns + right]!;
            }
            return scale * y;
          }),
      });
    });
  }
}
