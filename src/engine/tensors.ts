import { sizeOf } from './graph.ts';

export interface TensorShape {
  readonly name: string;
  readonly shape: readonly number[];
}

/** The number of elements of all shapes together. */
export const totalSize = (shapes: readonly TensorShape[]): number =>
  shapes.reduce((sum, { shape }) => sum + sizeOf(shape), 0);

/** Bytes handed over at a time. */
const PIECE = 1 << 28;

/** The bytes of an array in pieces: a hash takes less than 2 GiB at once. */
export function* bytesOf({
  buffer,
  byteOffset,
  byteLength,
}: Float32Array | Float16Array): Generator<Uint8Array> {
  for (let at = 0; at < byteLength; at += PIECE) {
    yield new Uint8Array(buffer, byteOffset + at, Math.min(PIECE, byteLength - at));
  }
}

/** One flat Float32Array in shared memory, seen by name: threads and the optimiser work on the same numbers. */
export class FlatTensors {
  readonly flat: Float32Array<SharedArrayBuffer>;
  readonly shapes: readonly TensorShape[];
  readonly #views = new Map<string, Float32Array<SharedArrayBuffer>>();

  constructor(shapes: readonly TensorShape[], buffer?: SharedArrayBuffer) {
    this.shapes = shapes;
    const bytes = totalSize(shapes) * Float32Array.BYTES_PER_ELEMENT;
    this.flat = new Float32Array(buffer ?? new SharedArrayBuffer(bytes));
    let offset = 0;
    for (const { name, shape } of shapes) {
      this.#views.set(name, this.flat.subarray(offset, offset + sizeOf(shape)));
      offset += sizeOf(shape);
    }
  }

  get(name: string): Float32Array<SharedArrayBuffer> {
    const view = this.#views.get(name);
    if (!view) throw new Error(`no tensor is called ${name}`);
    return view;
  }

  /** The same shapes, all zero: gradients, optimiser moments. */
  zeros(): FlatTensors {
    return new FlatTensors(this.shapes);
  }
}
