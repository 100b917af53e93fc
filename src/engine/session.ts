import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Device } from './device.ts';
import { bind, SHAPE_INPUT } from './graph.ts';
import type { DataType, TensorData } from './onnx.ts';
import * as runtime from './runtime.ts';
import type { FlatTensors } from './tensors.ts';

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

/** Tensors as feeds, those that are inputs of the graph: fed weights need no new session after an update. */
export function weightFeeds(session: InferenceSession, tensors: FlatTensors): Record<string, Tensor> {
  const inputs = new Set(session.inputNames);
  return Object.fromEntries(
    tensors.shapes
      .filter(({ name }) => inputs.has(name))
      .map(({ name, shape }) => [name, tensor('float32', tensors.get(name), shape)]),
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
