import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Graph } from './graph.ts';
import { type Attribute, encodeModel } from './onnx.ts';
import { loadGraph, tensor } from './session.ts';

/** What the runtime makes of attributes: a Constant node hands each one out as a tensor. */
async function through(attributes: Readonly<Record<string, Attribute>>[]): Promise<unknown[][]> {
  const types = { value_int: 'int64', value_ints: 'int64', value_float: 'float32' } as const;
  const model = encodeModel({
    nodes: attributes.map((own, i) => ({
      type: 'Constant',
      domain: '',
      inputs: [],
      outputs: [`y${i}`],
      attributes: own,
    })),
    inputs: [],
    outputs: attributes.map((own, i) => {
      const name = Object.keys(own)[0] as keyof typeof types;
      return { name: `y${i}`, shape: name === 'value_ints' ? ['n'] : [], type: types[name] };
    }),
    constants: [],
  });
  const session = await loadGraph(model, 1);
  const results = await session.run({});
  return attributes.map((_, i) => Array.from(results[`y${i}`]!.data as ArrayLike<unknown>));
}

describe('attributes reach the runtime as they are', () => {
  it('integers of every length of varint, negative ones as ten bytes', async () => {
    const integers = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER];
    const all = integers.flatMap((value) => [value, -value - 1]).filter(Number.isSafeInteger);
    const results = await through([...all.map((value) => ({ value_int: value })), { value_ints: all }]);
    expect(results.at(-1)).toEqual(all.map(BigInt));
    expect(results.slice(0, -1).flat()).toEqual(all.map(BigInt));
  });

  it('any integers and floats', async () => {
    const ints = fc.array(fc.maxSafeInteger(), { minLength: 1, maxLength: 20 });
    const float = fc.float({ noNaN: true });
    await fc.assert(
      fc.asyncProperty(ints, float, async (list, real) => {
        const [a, b] = await through([{ value_ints: list }, { value_float: { float: real } }]);
        expect(a).toEqual(list.map(BigInt));
        expect(b).toEqual([real]);
      }),
      { numRuns: 30 },
    );
  });

  it('strings: a reduction by name', async () => {
    const graph = new Graph();
    const x = graph.input('x', [2, 1]);
    const at = graph.constant('at', [2, 1], () => BigInt64Array.of(0n, 0n));
    const zeros = graph.constant('zeros', [1, 1], () => Float32Array.of(10));
    graph.output('y', graph.node('ScatterElements', [zeros, at, x], [1, 1], { axis: -2, reduction: 'add' }));
    const session = await loadGraph(graph.encode(), 1);
    const { y } = await session.run({ x: tensor('float32', Float32Array.of(1, 2), [2, 1]) });
    expect(Array.from(y!.data as Float32Array)).toEqual([13]);
  });

  it('a fraction that is not marked as a float is refused', () => {
    const graph = new Graph();
    graph.output('y', graph.node('Elu', [graph.input('x', [1])], [1], { alpha: 0.5 }));
    expect(() => graph.encode()).toThrow(RangeError);
  });
});

it('keeps constants of every type, views and more than 16,384 bytes of one message included', async () => {
  const graph = new Graph();
  const floats = Float32Array.from({ length: 5000 }, (_, i) => i / 7);
  graph.output(
    'a',
    graph.constant('a', [5000], () => floats),
  );
  graph.output(
    'b',
    graph.constant('b', [2], () => Int32Array.of(9, 9, -5, 2 ** 31 - 1).subarray(2)),
  );
  graph.output(
    'c',
    graph.constant('c', [1, 2], () => BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n)),
  );
  graph.output('d', graph.integers([]));
  graph.output('e', graph.scalar(-0.5));
  const results = await (await loadGraph(graph.encode(), 1)).run({});
  const list = (name: string) => Array.from(results[name]!.data as ArrayLike<unknown>);
  expect(list('a')).toEqual(Array.from(floats));
  expect(list('b')).toEqual([-5, 2 ** 31 - 1]);
  expect(list('c')).toEqual([-(2n ** 63n), 2n ** 63n - 1n]);
  expect(results.c!.dims).toEqual([1, 2]);
  expect(list('d')).toEqual([]);
  expect(list('e')).toEqual([-0.5]);
  expect(results.e!.dims).toEqual([]);
});

it('leaves optional inputs out, and keeps names in any script', async () => {
  const graph = new Graph();
  const x = graph.input('größe ✓', [3]);
  graph.output('y', graph.node('Clip', [x, null, graph.scalar(1)], [3]));
  const session = await loadGraph(graph.encode(), 1);
  expect(session.inputNames).toEqual(['größe ✓']);
  const { y } = await session.run({ 'größe ✓': tensor('float32', Float32Array.of(-4, 0.5, 4), [3]) });
  expect(Array.from(y!.data as Float32Array)).toEqual([-4, 0.5, 1]);
});

it('declares symbolic dimensions', async () => {
  const graph = new Graph();
  graph.output('y', graph.node('Neg', [graph.input('x', ['N', 2])], ['N', 2]));
  const session = await loadGraph(graph.encode(), 1);
  for (const rows of [1, 3]) {
    const { y } = await session.run({ x: tensor('float32', new Float32Array(rows * 2), [rows, 2]) });
    expect(y!.dims).toEqual([rows, 2]);
  }
});

it('is refused by the runtime when cut short, not crashed on', async () => {
  const graph = new Graph();
  graph.output('y', graph.node('Neg', [graph.input('x', [2])], [2]));
  const model = graph.encode();
  await expect(loadGraph(model.slice(0, model.length - 20), 1)).rejects.toThrow();
});
