import { readSync } from 'node:fs';
import { CheckpointError, shown } from '../errors.ts';
import { sizeOf } from '../graph.ts';
import { BLOCKS, type BlockKind, OTHER_BLOCKS } from './blocks.ts';

export type GgufValue = number | boolean | string | readonly string[] | ArrayLike<number>;
export type GgufMetadata = ReadonlyMap<string, GgufValue>;

export interface GgufTensor {
  readonly kind: BlockKind;
  /** As PyTorch has it: the dimension whose elements lie side by side is the last. */
  readonly shape: readonly number[];
  /** Bytes from the start of the file; `end` exclusive. */
  readonly begin: number;
  readonly end: number;
}

export interface GgufHeader {
  readonly metadata: GgufMetadata;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
}

/** "GGUF" as a little-endian number. */
const MAGIC = 0x46554747;
/** A tokenizer of 256,000 tokens takes about 10 MB. */
const LONGEST_HEADER = 100_000_000;
const LONGEST_NAME = 65_535;
const DIMENSIONS = 4;
const DEFAULT_ALIGNMENT = 32;
const WINDOW = 1 << 20;

export function damaged(path: string, what: string, cause?: unknown): CheckpointError {
  const remedy = 'The file is damaged or was not copied whole: download or copy it again.';
  return new CheckpointError('format', `${path} is not a sound GGUF file: ${what}`, remedy, cause);
}

/** Reads a file from its start on; never further than the file or a header goes, whatever the file claims. */
class Cursor {
  readonly path: string;
  readonly #file: number;
  readonly #size: number;
  #window = new Uint8Array(0);
  /** Bytes of the window that are read. */
  #at = 0;
  /** Bytes of the file up to the window's end. */
  #end = 0;
  readonly #text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

  constructor(path: string, file: number, size: number) {
    this.path = path;
    this.#file = file;
    this.#size = size;
  }

  get position(): number {
    return this.#end - (this.#window.length - this.#at);
  }

  /** The next bytes; they are overwritten by no later ones. */
  bytes(count: number): Uint8Array {
    this.expect(count);
    if (this.#at + count > this.#window.length) {
      const start = this.position;
      const window = new Uint8Array(Math.max(count, Math.min(WINDOW, this.#size - start)));
      for (let filled = 0; filled < window.length; ) {
        const read = readSync(this.#file, window, filled, window.length - filled, start + filled);
        if (read === 0) throw damaged(this.path, `it ends at byte ${start + filled}`);
        filled += read;
      }
      this.#window = window;
      this.#at = 0;
      this.#end = start + window.length;
    }
    this.#at += count;
    return this.#window.subarray(this.#at - count, this.#at);
  }

  /** Refuse, before memory is taken for them, so many further bytes. */
  expect(count: number): void {
    const there = Math.min(this.#size, LONGEST_HEADER) - this.position;
    if (count > there)
      throw damaged(this.path, `its header claims ${count} bytes at ${this.position} of ${this.#size}`);
  }

  view(count: number): DataView {
    const { buffer, byteOffset, byteLength } = this.bytes(count);
    return new DataView(buffer, byteOffset, byteLength);
  }

  u32(): number {
    return this.view(4).getUint32(0, true);
  }

  /** A length or an offset. */
  u64(): number {
    return Number(this.view(8).getBigUint64(0, true));
  }

  string(longest = LONGEST_HEADER): string {
    const length = this.u64();
    if (length > longest) throw damaged(this.path, `a text has ${length} bytes`);
    const at = this.position;
    try {
      return this.#text.decode(this.bytes(length));
    } catch (error) {
      if (error instanceof CheckpointError) throw error;
      throw damaged(this.path, `the text at byte ${at} is not UTF-8`, error);
    }
  }
}

interface NumberType {
  readonly bytes: number;
  readonly array: (length: number) => { [index: number]: number; readonly length: number };
  readonly read: (view: DataView, at: number) => number;
}

/** The types of numbers in the metadata, by their number in gguf.h; 64-bit ones are read as what a number of JavaScript holds. */
const NUMBERS: Readonly<Record<number, NumberType>> = {
  0: { bytes: 1, array: (n) => new Uint8Array(n), read: (view, at) => view.getUint8(at) },
  1: { bytes: 1, array: (n) => new Int8Array(n), read: (view, at) => view.getInt8(at) },
  2: { bytes: 2, array: (n) => new Uint16Array(n), read: (view, at) => view.getUint16(at, true) },
  3: { bytes: 2, array: (n) => new Int16Array(n), read: (view, at) => view.getInt16(at, true) },
  4: { bytes: 4, array: (n) => new Uint32Array(n), read: (view, at) => view.getUint32(at, true) },
  5: { bytes: 4, array: (n) => new Int32Array(n), read: (view, at) => view.getInt32(at, true) },
  6: { bytes: 4, array: (n) => new Float32Array(n), read: (view, at) => view.getFloat32(at, true) },
  7: { bytes: 1, array: (n) => new Uint8Array(n), read: (view, at) => view.getUint8(at) },
  10: {
    bytes: 8,
    array: (n) => new Float64Array(n),
    read: (view, at) => Number(view.getBigUint64(at, true)),
  },
  11: { bytes: 8, array: (n) => new Float64Array(n), read: (view, at) => Number(view.getBigInt64(at, true)) },
  12: { bytes: 8, array: (n) => new Float64Array(n), read: (view, at) => view.getFloat64(at, true) },
};
const BOOLEAN = 7;
const STRING = 8;
const ARRAY = 9;

function numberType(cursor: Cursor, type: number, key: string): NumberType {
  const found = NUMBERS[type];
  if (found) return found;
  const what = type === ARRAY ? 'is a list of lists' : `has the unknown type ${type}`;
  throw damaged(cursor.path, `${shown(key)} ${what}`);
}

function readValue(cursor: Cursor, key: string): GgufValue {
  const type = cursor.u32();
  if (type === STRING) return cursor.string();
  if (type !== ARRAY) {
    const { bytes, read } = numberType(cursor, type, key);
    const value = read(cursor.view(bytes), 0);
    return type === BOOLEAN ? value !== 0 : value;
  }
  const element = cursor.u32();
  const length = cursor.u64();
  if (element === STRING) {
    // Of each at least its length is there.
    cursor.expect(length * 8);
    return Array.from({ length }, () => cursor.string());
  }
  const { bytes, array, read } = numberType(cursor, element, key);
  const view = cursor.view(length * bytes);
  const values = array(length);
  for (let i = 0; i < length; i++) values[i] = read(view, i * bytes);
  return values;
}

interface Description extends Omit<GgufTensor, 'begin' | 'end'> {
  readonly name: string;
  /** Bytes from the start of the data. */
  readonly offset: number;
  readonly bytes: number;
}

function readDescription(cursor: Cursor): Description {
  const { path } = cursor;
  const name = cursor.string(LONGEST_NAME);
  const of = `tensor ${shown(name)}`;
  const dimensions = cursor.u32();
  if (dimensions > DIMENSIONS) throw damaged(path, `${of} has ${dimensions} dimensions`);
  const shape = Array.from({ length: dimensions }, () => cursor.u64()).reverse();
  const type = cursor.u32();
  const offset = cursor.u64();
  const kind = BLOCKS.get(type);
  if (kind === undefined) {
    const other = OTHER_BLOCKS[type];
    if (other === undefined) throw damaged(path, `${of} has the unknown type ${type}`);
    throw new CheckpointError(
      'unsupported',
      `${of} of ${path} is ${other}; read are ${[...BLOCKS.values()].map((known) => known.name).join(', ')}`,
      'Choose another quantisation of the model, such as Q8_0 or Q4_K_M.',
    );
  }
  const elements = sizeOf(shape);
  if (!Number.isSafeInteger(elements) || (shape.at(-1) ?? 1) % kind.elements !== 0)
    throw damaged(path, `${of} of ${shown(shape)} cannot be ${kind.name}`);
  return { name, kind, shape, offset, bytes: (elements / kind.elements) * kind.bytes };
}

/** The header of a file of `size` bytes, checked against that. Throws CheckpointError, or what the file system throws. */
export function readHeader(path: string, file: number, size: number): GgufHeader {
  const cursor = new Cursor(path, file, size);
  if (size < 24 || cursor.u32() !== MAGIC) throw damaged(path, 'it does not begin with GGUF');
  const version = cursor.u32();
  if (version !== 2 && version !== 3) {
    throw new CheckpointError(
      'unsupported',
      `${path} is a GGUF file of version ${version & 0xffff ? version : 'big-endian'}; read are 2 and 3, little-endian`,
      'Convert the model again with a current llama.cpp.',
    );
  }
  const [tensorCount, keyCount] = [cursor.u64(), cursor.u64()];
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < keyCount; i++) {
    const key = cursor.string(LONGEST_NAME);
    if (metadata.has(key)) throw damaged(path, `it has ${shown(key)} twice`);
    metadata.set(key, readValue(cursor, key));
  }
  const described: Description[] = [];
  for (let i = 0; i < tensorCount; i++) described.push(readDescription(cursor));
  const alignment = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT;
  if (typeof alignment !== 'number' || !Number.isInteger(Math.log2(alignment)))
    throw damaged(path, `general.alignment is ${shown(alignment)}`);
  const start = Math.ceil(cursor.position / alignment) * alignment;
  return { metadata, tensors: place(path, described, start, size) };
}

/** Where each tensor lies: inside the file, and none over another. */
function place(
  path: string,
  described: readonly Description[],
  start: number,
  size: number,
): Map<string, GgufTensor> {
  const tensors = new Map<string, GgufTensor>();
  let covered = start;
  for (const { name, kind, shape, offset, bytes } of described.toSorted((a, b) => a.offset - b.offset)) {
    const of = `tensor ${shown(name)}`;
    const [begin, end] = [start + offset, start + offset + bytes];
    if (tensors.has(name)) throw damaged(path, `it describes ${of} twice`);
    if (begin < covered) throw damaged(path, `${of} overlaps another`);
    if (!Number.isSafeInteger(end) || end > size) throw damaged(path, `${of} ends at byte ${end} of ${size}`);
    tensors.set(name, { kind, shape, begin, end });
    covered = end;
  }
  return tensors;
}
