import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Device } from './device.ts';
import { bind, SHAPE_INPUT } from './graph.ts';
import type { DataType, TensorData } from './onnx.ts';
import * as runtime from './runtime.ts';
import type { TensorShape } from './tensors.ts';

export interface LoadOptions {
  readonly device?: Device;
  /** Have the runtime plan one block of memory for each set of shapes it meets, and keep them all. */
  readonly memoryPattern?: boolean;
  /** Have the runtime's threads wait for their next product without sleeping: that costs whoever else wants the core. */
  readonly spinning?: boolean;
}

/** An ONNX graph loaded into the runtime; `threads` are the runtime's own. Throws where the device's provider cannot be
 * loaded; what the provider does not support of the graph runs on the CPU. */
export async function loadGraph(
  model: Uint8Array,
  threads: number,
  { device = 'cpu', memoryPattern = true, spinning = true }: LoadOptions = {},
): Promise<InferenceSession> {
  return runtime.InferenceSession.create(model, {
    executionProviders: [device],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    enableMemPattern: memoryPattern,
    logSeverityLevel: 3,
    ...(spinning ? {} : { extra: { session: { intra_op: { allow_spinning: '0' } } } }),
  });
}

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
/** Whether native code reads and writes memory that threads share: before 22.21 and 24.9 Node refuses it ("Invalid argument"). */
export const PASSES_SHARED = major > 24 || (major === 24 && minor >= 9) || (major === 22 && minor >= 21);

/** A view of a typed array as the runtime's tensor; the memory is shared, nothing is copied. Where Node
 * does not pass shared memory on it is a copy, to be read only. */
export function tensor(type: DataType, data: TensorData, shape: readonly number[]): Tensor {
  const own = PASSES_SHARED || !(data.buffer instanceof SharedArrayBuffer);
  return new runtime.Tensor(type as 'float32', (own ? data : data.slice()) as Float32Array, shape);
}

/** The same of float16: what the runtime's binding reads of a tensor, since it knows such data as a Uint16Array only, and a Tensor would
 * make a Float16Array of that. */
function half({ buffer, byteOffset, length }: Float16Array, dims: readonly number[]): Tensor {
  const data = new Uint16Array(buffer, byteOffset, length);
  return { type: 'float16', location: 'cpu', dims, data } as unknown as Tensor;
}

interface NamedTensors {
  readonly shapes: readonly TensorShape[];
  get(name: string): Float32Array | Float16Array;
}

/** Tensors as feeds, those that are inputs of the graph: fed weights need no new session after an update. */
export function weightFeeds(session: InferenceSession, tensors: NamedTensors): Record<string, Tensor> {
  const inputs = new Set(session.inputNames);
  return Object.fromEntries(
    tensors.shapes
      .filter(({ name }) => inputs.has(name))
      .map(({ name, shape }) => {
        const data = tensors.get(name);
        return [name, data instanceof Float32Array ? tensor('float32', data, shape) : half(data, shape)];
      }),
  );
}

/** Values for the graph's symbolic shapes (see Graph.shape). */
export function shapeFeeds(
  session: InferenceSession,
  symbols: Readonly<Record<string, number>>,
): Record<string, Tensor> {
  const names = session.inputNames.filter((name) => name.startsWith(SHAPE_INPUT));
  return Object.fromEntries(
    names.map((name) => {
      const dims = name.slice(SHAPE_INPUT.length).split(',');
      const values = BigInt64Array.from(dims, (dim) => BigInt(bind(dim, symbols)));
      return [name, tensor('int64', values, [dims.length])];
    }),
  );
}
