import { randomUUID } from 'node:crypto';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { CheckpointError, diskError } from '../errors.ts';
import { sizeOf } from '../graph.ts';
import { halfBits } from '../widen.ts';
import { BLOCKS, type BlockKind } from './blocks.ts';

/** How matrices are written; vectors are float32 in every case, as llama.cpp wants them. */
export type GgufNumbers = 'f32' | 'f16' | 'q8_0';

/** A key of the metadata, the type of its value, and the value. */
export type GgufEntry =
  | readonly [key: string, type: 'uint32' | 'float32', value: number]
  | readonly [key: string, type: 'bool', value: boolean]
  | readonly [key: string, type: 'string', value: string]
  | readonly [key: string, type: 'strings', value: readonly string[]]
  | readonly [key: string, type: 'int32s' | 'float32s', value: readonly number[]];

export interface GgufContent {
  readonly entries: readonly GgufEntry[];
  /** `data` is asked for when the tensor is written, and let go of afterwards. */
  readonly tensors: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly data: () => Float32Array;
  }[];
  readonly numbers: GgufNumbers;
}

const ALIGNMENT = 32;
/** Numbers of the types in gguf.h, and of the file's whole in llama.h. */
const TYPE = { uint32: 4, int32: 5, float32: 6, bool: 7, string: 8, array: 9 } as const;
const FILE_TYPE: Readonly<Record<GgufNumbers, number>> = { f32: 0, f16: 1, q8_0: 7 };
const KIND = { f32: 0, f16: 1, q8_0: 8 } as const satisfies Record<GgufNumbers, number>;

/** From here on numbers are rounded to an infinite half. */
const HALF_LIMIT = 65_520;

const { fround } = Math;

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

const bytesOf = ({ buffer, byteOffset, byteLength }: NodeJS.TypedArray): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

function list(type: number, length: number, elements: readonly Buffer[]): Buffer {
  return Buffer.concat([u32(TYPE.array), u32(type), u64(length), ...elements]);
}

function valueBytes([, type, value]: GgufEntry): Buffer {
  switch (type) {
    case 'uint32':
      return Buffer.concat([u32(TYPE.uint32), u32(value)]);
    case 'float32':
      return Buffer.concat([u32(TYPE.float32), bytesOf(Float32Array.of(value))]);
    case 'bool':
      return Buffer.concat([u32(TYPE.bool), Buffer.of(Number(value))]);
    case 'string':
      return Buffer.concat([u32(TYPE.string), text(value)]);
    case 'strings':
      return list(TYPE.string, value.length, value.map(text));
    case 'int32s':
      return list(TYPE.int32, value.length, [bytesOf(Int32Array.from(value))]);
    case 'float32s':
      return list(TYPE.float32, value.length, [bytesOf(Float32Array.from(value))]);
  }
}

/** Rows that are no whole number of blocks are halves, as llama.cpp's quantiser leaves them. */
function kindOf(shape: readonly number[], numbers: GgufNumbers): keyof typeof KIND {
  if (shape.length < 2) return 'f32';
  return numbers === 'q8_0' && (shape.at(-1) as number) % 32 !== 0 ? 'f16' : numbers;
}

function encode(path: string, name: string, kind: keyof typeof KIND, values: Float32Array): Buffer {
  if (kind === 'f32') return bytesOf(values);
  if (kind === 'q8_0') return quantize(values);
  let largest = 0;
  for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i] as number));
  if (largest < HALF_LIMIT) {
    const halves = new Uint16Array(values.length);
    for (let i = 0; i < values.length; i++) halves[i] = halfBits(values[i] as number);
    return bytesOf(halves);
  }
  const message = `${path}: ${name} holds numbers beyond 65,504, which no half is`;
  throw new CheckpointError('unsupported', message, 'Write it as f32.');
}

/** Blocks of 32: a half d = max |x| / 127, then round(x / d), halves away from zero; in float32, as ggml computes it. */
function quantize(values: Float32Array): Buffer {
  const bytes = Buffer.alloc((values.length / 32) * 34);
  for (let first = 0, at = 0; first < values.length; first += 32, at += 34) {
    let largest = 0;
    for (let i = first; i < first + 32; i++) largest = Math.max(largest, Math.abs(values[i] as number));
    const d = fround(largest / 127);
    const inverse = d === 0 ? 0 : fround(1 / d);
    bytes.writeUInt16LE(halfBits(d), at);
    for (let i = 0; i < 32; i++) {
      const x = fround((values[first + i] as number) * inverse);
      bytes[at + 2 + i] = Math.sign(x) * Math.floor(Math.abs(x) + 0.5);
    }
  }
  return bytes;
}

const padded = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** Write a GGUF file that appears under its name as a whole or not at all, in place of one that was there. Throws CheckpointError. */
export async function writeGguf(path: string, content: GgufContent): Promise<void> {
  const target = resolve(path);
  const draftPrefix = `.${basename(target)}.draft-`;
  const draft = join(dirname(target), draftPrefix + randomUUID());
  try {
    await keepOthers(target);
    // Left behind by a writer that was killed.
    for (const name of await readdir(dirname(target)))
      if (name.startsWith(draftPrefix)) await rm(join(dirname(target), name), { force: true });
    await writeDraft(draft, path, content);
    await rename(draft, target);
  } catch (error) {
    await rm(draft, { force: true });
    throw diskError('write', target, error);
  }
}

async function writeDraft(
  draft: string,
  path: string,
  { entries, tensors, numbers }: GgufContent,
): Promise<void> {
  await using file = await open(draft, 'wx');
  const described: GgufEntry[] = [
    ...entries,
    ['general.file_type', 'uint32', FILE_TYPE[numbers]],
    ['general.quantization_version', 'uint32', 2],
  ];
  const kinds = tensors.map(({ shape }) => kindOf(shape, numbers));
  let offset = 0;
  const infos = tensors.map(({ name, shape }, i) => {
    const type = KIND[kinds[i] as keyof typeof KIND];
    const { elements, bytes } = BLOCKS.get(type) as BlockKind;
    const dimensions = shape.toReversed().map(u64);
    const info = Buffer.concat([text(name), u32(shape.length), ...dimensions, u32(type), u64(offset)]);
    offset += padded((sizeOf(shape) / elements) * bytes);
    return info;
  });
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(described.length),
    ...described.flatMap((entry) => [text(entry[0]), valueBytes(entry)]),
    ...infos,
  ]);
  await writePadded(file, header);
  for (const [i, { name, data }] of tensors.entries())
    await writePadded(file, encode(path, name, kinds[i] as keyof typeof KIND, data()));
  await file.sync();
}

async function writePadded(file: FileHandle, bytes: Buffer): Promise<void> {
  await file.writeFile(bytes);
  const rest = padded(bytes.length) - bytes.length;
  if (rest > 0) await file.writeFile(Buffer.alloc(rest));
}

/** What is there and no GGUF file is somebody's. */
async function keepOthers(target: string): Promise<void> {
  const found = await open(target, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (found === null) return;
  await using file = found;
  const isFile = (await file.stat()).isFile();
  if (isFile && (await file.read(Buffer.alloc(4), 0, 4, 0)).buffer.toString() === 'GGUF') return;
  const message = `${target} exists and is no GGUF file; it is left as it is`;
  throw new CheckpointError('disk', message, 'Choose another name, or remove it.');
}
