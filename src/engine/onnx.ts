/** ONNX model files, written directly: the five protobuf messages a graph needs (onnx.proto3, IR version 10). */

export type DataType = 'float32' | 'float16' | 'uint8' | 'int8' | 'int32' | 'int64' | 'bool';
export type TensorData = Float32Array | Float16Array | Uint8Array | Int8Array | Int32Array | BigInt64Array;

/** ONNX's numbers of the element types. */
export const ELEMENT: Readonly<Record<DataType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
};

export type Attribute = number | string | readonly number[] | { readonly float: number };

export interface OnnxNode {
  readonly type: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

export interface OnnxTensor {
  readonly name: string;
  readonly shape: readonly (number | string)[];
  readonly type: DataType;
}

export interface OnnxConstant extends OnnxTensor {
  readonly data: TensorData;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxTensor[];
  readonly outputs: readonly OnnxTensor[];
  readonly constants: readonly OnnxConstant[];
}

/** Bytes in pieces: a model's weights are among them, and are copied once, at the end. */
interface Chunk {
  readonly length: number;
  readonly pieces: readonly Uint8Array[];
}
const text = new TextEncoder();

function varint(value: number | bigint): Chunk {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    bytes.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return chunk(Uint8Array.from(bytes));
}

const chunk = (piece: Uint8Array): Chunk => ({ length: piece.length, pieces: [piece] });

function concat(chunks: readonly Chunk[]): Chunk {
  return {
    length: chunks.reduce((sum, { length }) => sum + length, 0),
    pieces: chunks.flatMap(({ pieces }) => pieces),
  };
}

function joined({ length, pieces }: Chunk): Uint8Array {
  const out = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}

/** Wire type 0. */
const int = (field: number, value: number | bigint): Chunk => concat([varint(field << 3), varint(value)]);
/** Wire type 2. */
const bytes = (field: number, value: Chunk): Chunk =>
  concat([varint((field << 3) | 2), varint(value.length), value]);
const string = (field: number, value: string): Chunk => bytes(field, chunk(text.encode(value)));
const message = (field: number, parts: readonly Chunk[]): Chunk => bytes(field, concat(parts));
/** Wire type 5. */
const float = (field: number, value: number): Chunk =>
  concat([varint((field << 3) | 5), chunk(new Uint8Array(Float32Array.of(value).buffer))]);

function attribute(name: string, value: Attribute): Chunk {
  const kind = { float: 1, int: 2, string: 3, ints: 7 };
  if (typeof value === 'string') return message(5, [string(1, name), string(4, value), int(20, kind.string)]);
  if (typeof value === 'number') return message(5, [string(1, name), int(3, value), int(20, kind.int)]);
  if ('float' in value) return message(5, [string(1, name), float(2, value.float), int(20, kind.float)]);
  return message(5, [string(1, name), ...value.map((item) => int(8, item)), int(20, kind.ints)]);
}

function valueInfo(field: number, { name, shape, type }: OnnxTensor): Chunk {
  const dims = shape.map((dim) => message(1, [typeof dim === 'number' ? int(1, dim) : string(2, dim)]));
  return message(field, [
    string(1, name),
    message(2, [message(1, [int(1, ELEMENT[type]), message(2, dims)])]),
  ]);
}

function constant({ name, shape, type, data }: OnnxConstant): Chunk {
  const raw = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return message(5, [
    ...shape.map((dim) => int(1, dim as number)),
    int(2, ELEMENT[type]),
    string(8, name),
    bytes(9, chunk(raw)),
  ]);
}

function node({ type, domain, inputs, outputs, attributes }: OnnxNode): Chunk {
  return message(1, [
    ...inputs.map((name) => string(1, name)),
    ...outputs.map((name) => string(2, name)),
    string(4, type),
    ...Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    string(7, domain),
  ]);
}

/** The bytes of an ONNX model (opset 21, plus com.microsoft 1). */
export function encodeModel(graph: OnnxGraph): Uint8Array {
  const body = message(7, [
    ...graph.nodes.map(node),
    string(2, 'evalplanner'),
    ...graph.constants.map(constant),
    ...graph.inputs.map((input) => valueInfo(11, input)),
    ...graph.outputs.map((output) => valueInfo(12, output)),
  ]);
  return joined(
    concat([
      int(1, 10),
      string(2, 'evalplanner'),
      body,
      message(8, [string(1, ''), int(2, 21)]),
      message(8, [string(1, 'com.microsoft'), int(2, 1)]),
    ]),
  );
}
