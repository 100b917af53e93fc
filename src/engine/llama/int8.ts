import type { Dim, Graph, Value } from '../graph.ts';
import type { Parameters } from './parameters.ts';

/** A matrix [N, K] in 8-bit integers: `values` [K, N], `scales` [N]; w[n, k] ≈ scales[n] · values[k, n]. */
export interface Int8Matrix {
  readonly values: Int8Array;
  readonly scales: Float32Array;
}

/** Rounds each row to 127 steps either way of its largest magnitude. */
export function quantise(matrix: Float32Array, rows: number): Int8Matrix {
  const columns = matrix.length / rows;
  const values = new Int8Array(matrix.length);
  const scales = new Float32Array(rows);
  for (let n = 0; n < rows; n++) {
    const row = matrix.subarray(n * columns, (n + 1) * columns);
    let most = 0;
    for (const weight of row) most = Math.max(most, Math.abs(weight));
    const steps = most === 0 ? 0 : 127 / most;
    scales[n] = most / 127;
    for (let k = 0; k < columns; k++) values[k * rows + n] = Math.round((row[k] as number) * steps);
  }
  return { values, scales };
}

/** The matrices of a model, rounded when they are first asked for. */
export class Int8Weights {
  readonly #parameters: Parameters;
  readonly #shapes: ReadonlyMap<string, readonly number[]>;
  readonly #known = new Map<string, Int8Matrix>();

  constructor(parameters: Parameters) {
    this.#parameters = parameters;
    this.#shapes = new Map(parameters.shapes.map(({ name, shape }) => [name, shape]));
  }

  /** [N, K] */
  shape(name: string): readonly [number, number] {
    return this.#shapes.get(name) as [number, number];
  }

  get(name: string): Int8Matrix {
    let matrix = this.#known.get(name);
    if (!matrix) {
      matrix = quantise(this.#parameters.get(name), this.shape(name)[0]);
      this.#known.set(name, matrix);
    }
    return matrix;
  }
}

interface QuantisedRows {
  readonly values: Value;
  readonly scales: Value;
}

/** Products x Wᵀ of a graph in 8-bit integers: the vector-wise quantization of LLM.int8() (arXiv 2208.07339, section 3.1) without
 * its part for outliers. x [M, K] is rounded while the graph runs, each row by its own largest magnitude, so that a row's
 * result does not depend on the others. */
export class Int8Products {
  readonly #graph: Graph;
  readonly #weights: Int8Weights;
  /** By name: queries, keys and values are products of the same rows. */
  readonly #rows = new Map<string, QuantisedRows>();

  constructor(graph: Graph, weights: Int8Weights) {
    this.#graph = graph;
    this.#weights = weights;
  }

  /** [M, K] → [M, N], by the matrix [N, K] of that name. */
  product(x: Value, name: string): Value {
    const graph = this.#graph;
    const rows = this.#quantised(x);
    const [size, width] = this.#weights.shape(name);
    const shape = [x.shape[0] as Dim, size];
    const inputs = [
      rows.values,
      graph.constant(`${name}.int8`, [width, size], () => this.#weights.get(name).values),
      graph.scalar(1),
      graph.constant(`${name}.scales`, [size], () => this.#weights.get(name).scales),
      this.#middle(),
    ];
    const whole = graph.node('MatMulIntegerToFloat', inputs, shape, {}, 'com.microsoft');
    return graph.node('Mul', [whole, rows.scales], shape);
  }

  /** The runtime is fast with unsigned rows only: they are moved by 128. */
  #middle(): Value {
    return this.#graph.constant('middle', [], () => Uint8Array.of(128));
  }

  #quantised(x: Value): QuantisedRows {
    const known = this.#rows.get(x.name);
    if (known) return known;
    const graph = this.#graph;
    const [count] = x.shape as [Dim];
    const size = graph.node('Abs', [x], x.shape);
    const most = graph.node('ReduceMax', [size, graph.integers([1])], [count, 1], { keepdims: 1 });
    // A row of zeros has no largest magnitude.
    const positive = graph.node('Max', [most, graph.scalar(1e-30)], [count, 1]);
    const scales = graph.node('Mul', [positive, graph.scalar(1 / 127)], [count, 1]);
    const flat = graph.node('Reshape', [scales, graph.shape([count])], [count]);
    const middles = graph.node('Expand', [this.#middle(), graph.shape([count])], [count], {}, '', 'uint8');
    const values = graph.node('QuantizeLinear', [x, flat, middles], x.shape, { axis: 0 }, '', 'uint8');
    const rows = { values, scales };
    this.#rows.set(x.name, rows);
    return rows;
  }
}
