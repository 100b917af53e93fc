import { describe, expect, it } from 'vitest';
import { bind, Graph, times, type Value } from './graph.ts';
import { multiply, scale, sum } from './ops/elementwise.ts';
import { loadGraph, shapeFeeds, tensor } from './session.ts';

describe('dimensions', () => {
  it('multiply as numbers where both are, as symbols elsewhere', () => {
    expect(times(3, 4)).toBe(12);
    expect(times('B', 1)).toBe('B');
    expect(times(1, 'T')).toBe('T');
    expect(times(times('B', 'T'), 2)).toBe('B*T*2');
    expect(bind('B*T*2', { B: 3, T: 5 })).toBe(30);
    expect(bind(7, {})).toBe(7);
    expect(() => bind('B*T', { B: 3 })).toThrow('T is not bound');
  });
});

describe('gradients', () => {
  it('add up over every way from the target to the loss', async () => {
    const graph = new Graph();
    const x = graph.input('x', [3]);
    const loss = sum(graph, multiply(graph, scale(graph, x, 2), multiply(graph, x, x)));
    graph.output('dx', graph.gradients(loss, [x])[0]!);
    const session = await loadGraph(graph.encode(), 1);
    const { dx } = await session.run({ x: tensor('float32', Float32Array.of(1, -2, 3), [3]) });
    expect(Array.from(dx!.data as Float32Array)).toEqual([6, 24, 54]);
  });

  it('are taken of intermediate values too', async () => {
    const graph = new Graph();
    const x = graph.input('x', [2]);
    const middle = multiply(graph, x, x);
    const loss = sum(graph, scale(graph, middle, 5));
    const [dm, dx] = graph.gradients(loss, [middle, x]);
    graph.output('dm', dm!);
    graph.output('dx', dx!);
    const session = await loadGraph(graph.encode(), 1);
    const results = await session.run({ x: tensor('float32', Float32Array.of(1, -2), [2]) });
    expect(Array.from(results.dm!.data as Float32Array)).toEqual([5, 5]);
    expect(Array.from(results.dx!.data as Float32Array)).toEqual([10, -20]);
  });

  it('of a value that the loss does not depend on are an error', () => {
    const graph = new Graph();
    const loss = sum(graph, graph.input('x', [2]));
    expect(() => graph.gradients(loss, [graph.input('other', [2])])).toThrow('does not depend on other');
  });
});

describe('recomputed', () => {
  /** 2 (x y)² summed, with x y computed again for the gradient or kept. */
  const build = (again: boolean) => {
    const graph = new Graph();
    const [x, y] = [graph.input('x', [2]), graph.input('y', [2])];
    const square = (value: Value) => {
      const product = multiply(graph, value, y);
      return multiply(graph, product, product);
    };
    const loss = sum(graph, scale(graph, again ? graph.recomputed(x, square) : square(x), 2));
    const [dx, dy] = graph.gradients(loss, [x, y]);
    graph.output('loss', loss);
    graph.output('dx', dx!);
    graph.output('dy', dy!);
    return graph.encode();
  };
  const products = (model: Uint8Array) => new TextDecoder('latin1').decode(model).split('"\x03Mul').length;

  it('gives the gradients of x and of what else is used, at the price of computing twice', async () => {
    const feeds = {
      x: tensor('float32', Float32Array.of(1, -2), [2]),
      y: tensor('float32', Float32Array.of(3, 0.5), [2]),
    };
    for (const again of [true, false]) {
      const session = await loadGraph(build(again), 1);
      const { dx, dy } = await session.run(feeds);
      // 4 x y · (y, x)
      expect(Array.from(dx!.data as Float32Array)).toEqual([36, -2]);
      expect(Array.from(dy!.data as Float32Array)).toEqual([12, 8]);
    }
    expect(products(build(true))).toBe(products(build(false)) + 1);
  });
});

it('leaves out nodes that no output needs', () => {
  const graph = new Graph();
  const x = graph.input('x', [2]);
  graph.output('y', scale(graph, x, 2));
  const before = graph.encode().length;
  graph.node('NoSuchOperator', [x], [2]);
  expect(graph.encode().length).toBe(before);
});

it('feeds shapes that are known only when run', async () => {
  const graph = new Graph();
  const x = graph.input('x', ['B', 'T']);
  graph.output('y', graph.node('Reshape', [x, graph.shape([times('B', 'T')])], ['B*T']));
  graph.output('z', graph.node('Reshape', [x, graph.shape(['T', 'B'])], ['T', 'B']));
  const session = await loadGraph(graph.encode(), 1);
  for (const [rows, columns] of [
    [2, 3],
    [1, 4],
  ] as const) {
    const feeds = shapeFeeds(session, { B: rows, T: columns });
    const data = new Float32Array(rows * columns);
    const results = await session.run({ ...feeds, x: tensor('float32', data, [rows, columns]) });
    expect(results.y!.dims).toEqual([rows * columns]);
    expect(results.z!.dims).toEqual([columns, rows]);
  }
});
