import { expect, it } from 'vitest';
import { Graph } from '../graph.ts';
import { multiply, sum } from '../ops/elementwise.ts';
import { loadGraph, shapeFeeds, tensor } from '../session.ts';
import { AttentionRows, rowFeeds } from './attention-rows.ts';
import { TINY } from './tiny.contract.ts';

it.each([
  [4, 2],
  [2, 2],
])(
  'lays %i and %i heads of tokens into rows and takes them out, and so their gradients',
  async (queries, keys) => {
    const config = { ...TINY, numAttentionHeads: queries, numKeyValueHeads: keys, headDim: 2 };
    // Rows of three and two tokens in four columns; the last token is padding, in a free cell.
    const layout = {
      batch: 2,
      length: 4,
      cells: Int32Array.of(0, 1, 2, 5, 3, 4, 5, 5),
      places: Int32Array.of(0, 1, 2, 4, 5, 3),
    };
    const [tokens, size] = [6, 8];
    for (const heads of new Set([queries, keys])) {
      const width = heads * 2;
      const graph = new Graph();
      const x = graph.input('x', ['N', width]);
      const rows = new AttentionRows(graph, config, 'N', 'B*T');
      const laid = rows.lay(x, ['B', heads, 'T', 2]);
      const taken = rows.take(laid, heads);
      const loss = sum(graph, multiply(graph, taken, graph.input('w', ['N', width])));
      for (const [name, value] of Object.entries({ laid, taken, dx: graph.gradients(loss, [x])[0]! }))
        graph.output(name, value);
      const session = await loadGraph(graph.encode(), 1);
      const values = Float32Array.from({ length: tokens * width }, (_, i) => i + 1);
      // What is padding is in no loss.
      const w = values.map((value, i) => (i < 5 * width ? 1 / value : 0));
      const feeds = rowFeeds(config, layout);
      const results = await session.run({
        ...shapeFeeds(session, { N: tokens, B: 2, T: 4 }),
        ...Object.fromEntries(Object.entries(feeds).filter(([name]) => session.inputNames.includes(name))),
        x: tensor('float32', values, [tokens, width]),
        w: tensor('float32', w, [tokens, width]),
      });
      const data = (name: string) => Array.from(results[name]!.data as Float32Array);
      const expected = Array.from({ length: size * width }, (_, at) => {
        const [row, head, column, i] = [at / (4 * width), (at / 8) % heads, (at / 2) % 4, at % 2].map(
          Math.floor,
        );
        return values[layout.cells[row! * 4 + column!]! * width + head! * 2 + i!];
      });
      expect(data('laid')).toEqual(expected);
      expect(data('taken')).toEqual([...values]);
      expect(data('dx')).toEqual([...w]);
      await session.release();
    }
  },
);
