import { type FileHandle, open } from 'node:fs/promises';
import { CheckpointError, diskError, shown } from './errors.ts';
import { fileSize } from './file-size.ts';
import { sizeOf } from './graph.ts';
import { WIDEN } from './widen.ts';

/** Bytes per element of every type a safetensors file may hold. */
const WIDTH: Readonly<Record<string, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  F8_E4M3: 1,
  F8_E5M2: 1,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U64: 8,
  U32: 4,
  U16: 2,
  U8: 1,
  BOOL: 1,
};

/** The reference implementation's bound on the header. */
const LONGEST_HEADER = 100_000_000;
/** Bytes per read or write: the system calls stop short of 2 GiB. */
const BLOCK = 1 << 26;
/** Bytes of a tensor widened at a time. */
const TENSOR_BLOCK = 1 << 22;
const PREFIX = 8;

export interface TensorEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Bytes from the start of the data section; `end` exclusive. */
  readonly begin: number;
  readonly end: number;
}

export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

function damaged(path: string, what: string, cause?: unknown): CheckpointError {
  const remedy = 'The file is damaged or was not copied whole: download or copy it again.';
  return new CheckpointError('format', `${path} is not a sound safetensors file: ${what}`, remedy, cause);
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function entryOf(path: string, name: string, raw: unknown): TensorEntry {
  const of = `tensor ${shown(name)}`;
  if (raw === null || typeof raw !== 'object') throw damaged(path, `${of} is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = raw as Record<string, unknown>;
  const width = typeof dtype === 'string' && Object.hasOwn(WIDTH, dtype) ? WIDTH[dtype] : undefined;
  if (width === undefined) throw damaged(path, `${of} has the unknown dtype ${shown(dtype)}`);
  if (!Array.isArray(shape) || !shape.every(isCount)) throw damaged(path, `${of} has no valid shape`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw damaged(path, `${of} has no valid data_offsets`);
  }
  const [begin, end] = offsets as [number, number];
  const bytes = sizeOf(shape) * width;
  if (!isCount(bytes) || end - begin !== bytes) {
    throw damaged(path, `${of} takes ${end - begin} bytes where ${dtype} ${shown(shape)} needs ${bytes}`);
  }
  return { dtype: dtype as string, shape, begin, end };
}

/** A key that a JSON object has twice, which the format forbids and JSON.parse does not see; the text is sound JSON. */
function repeatedKey(json: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  for (const [token] of json.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(?:\s*:)?|[{}[\]]/g)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (depth === 1 && token.endsWith(':')) {
      const key = JSON.parse(token.slice(0, -1)) as string;
      if (seen.has(key)) return key;
      seen.add(key);
    }
  }
  return undefined;
}

/** The tensors of a header, checked: together they cover the `dataLength` bytes of the data once, without a gap. */
function parseHeader(path: string, header: Uint8Array, dataLength: number): Map<string, TensorEntry> {
  let raw: unknown;
  let repeated: string | undefined;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(header);
    raw = JSON.parse(text);
    repeated = repeatedKey(text);
  } catch (error) {
    throw damaged(path, 'the header is not JSON', error);
  }
  if (raw === null || typeof raw !== 'object' || Array.isArray(raw))
    throw damaged(path, 'the header is not an object');
  if (repeated !== undefined) throw damaged(path, `the header describes ${shown(repeated)} twice`);
  const entries = new Map<string, TensorEntry>();
  for (const [name, value] of Object.entries(raw)) {
    if (name !== '__metadata__') entries.set(name, entryOf(path, name, value));
  }
  let covered = 0;
  for (const [name, { begin, end }] of [...entries].sort(
    ([, a], [, b]) => a.begin - b.begin || a.end - b.end,
  )) {
    if (begin < covered) throw damaged(path, `tensor ${shown(name)} overlaps another`);
    if (begin > covered)
      throw damaged(path, `no tensor owns the ${begin - covered} bytes before ${shown(name)}`);
    if (end > dataLength) {
      throw damaged(path, `tensor ${shown(name)} ends at byte ${end} of ${dataLength} bytes of data`);
    }
    covered = end;
  }
  if (covered !== dataLength) throw damaged(path, `${dataLength - covered} bytes follow the last tensor`);
  return entries;
}

async function readExactly(
  file: FileHandle,
  path: string,
  position: number,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await file.read(bytes, at, Math.min(BLOCK, length - at), position + at);
    if (bytesRead === 0) throw damaged(path, `it ends at byte ${position + at}`);
    at += bytesRead;
  }
  return bytes;
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, Math.min(BLOCK, bytes.length - at));
    at += bytesWritten;
  }
}

/** An open safetensors file: its tensors are known and checked, their data is read on demand. */
export interface SafetensorsFile {
  readonly entries: ReadonlyMap<string, TensorEntry>;
  /** The tensor's numbers, widened to float32, in `target` if that is given: it is of the tensor's size. */
  read(name: string, target?: Float32Array): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Open a safetensors file and check its header against its size; throws CheckpointError. */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  let file: FileHandle | undefined;
  try {
    const size = await fileSize(path);
    file = await open(path, 'r');
    if (size < PREFIX)
      throw damaged(path, `it has ${size} bytes, fewer than the ${PREFIX} of the header's length`);
    const prefix = await readExactly(file, path, 0, PREFIX);
    const length = new DataView(prefix.buffer).getBigUint64(0, true);
    if (length > LONGEST_HEADER) throw damaged(path, `its header claims ${length} bytes`);
    if (length > size - PREFIX) throw damaged(path, `its header claims ${length} bytes of ${size - PREFIX}`);
    const dataStart = PREFIX + Number(length);
    const header = await readExactly(file, path, PREFIX, Number(length));
    const entries = parseHeader(path, header, size - dataStart);
    const handle = file;
    return {
      entries,
      async read(name, target) {
        const entry = entries.get(name);
        if (!entry) throw damaged(path, `it holds no tensor ${shown(name)}`);
        try {
          return await readTensor(handle, path, name, dataStart, entry, target);
        } catch (error) {
          throw diskError('read', path, error);
        }
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await file?.close();
    throw diskError('read', path, error);
  }
}

async function readTensor(
  file: FileHandle,
  path: string,
  name: string,
  dataStart: number,
  { dtype, begin, end }: TensorEntry,
  target: Float32Array | undefined,
): Promise<Float32Array> {
  const widen = WIDEN[dtype];
  if (widen === undefined) {
    throw new CheckpointError(
      'unsupported',
      `tensor ${shown(name)} of ${path} has dtype ${dtype}; this engine reads F32, F16 and BF16`,
      'Convert the checkpoint to float32, for instance with model.float().save_pretrained(…) in transformers.',
    );
  }
  const width = WIDTH[dtype] as number;
  const floats = target ?? new Float32Array((end - begin) / width);
  for (let at = begin; at < end; at += TENSOR_BLOCK) {
    const bytes = await readExactly(file, path, dataStart + at, Math.min(TENSOR_BLOCK, end - at));
    const first = (at - begin) / width;
    widen(bytes.buffer, floats.subarray(first, first + bytes.length / width));
    // Given back now, not at some collection: together they are as large as the model.
    bytes.buffer.transfer(0);
  }
  return floats;
}

/** Refuse numbers that no training survives; `where` names their file or folder. */
export function checkFinite(where: string, name: string, values: Float32Array): void {
  for (let i = 0; i < values.length; i++) {
    if (Number.isFinite(values[i])) continue;
    const remedy =
      'Its training diverged or the file is damaged: use an earlier checkpoint, or download it again.';
    throw new CheckpointError('format', `${where}: ${name} holds ${values[i]} at ${i}`, remedy);
  }
}

/** Write float32 tensors, in the given order, and flush them to the disk; throws CheckpointError. */
export async function writeSafetensors(path: string, tensors: readonly NamedTensor[]): Promise<void> {
  const names = new Set(['__metadata__', ...tensors.map(({ name }) => name)]);
  if (names.size <= tensors.length)
    throw new Error('two tensors share a name, or one is called __metadata__');
  let at = 0;
  const described = tensors.map(({ name, shape, data }) => {
    if (data.length !== sizeOf(shape))
      throw new Error(`tensor ${name} has ${data.length} numbers for [${shape}]`);
    const begin = at;
    at += data.byteLength;
    return [name, { dtype: 'F32', shape, data_offsets: [begin, at] }] as const;
  });
  const json = Buffer.from(
    JSON.stringify(Object.fromEntries([['__metadata__', { format: 'pt' }], ...described])),
  );
  const header = Buffer.alloc(PREFIX + Math.ceil(json.length / 8) * 8, ' ');
  header.writeBigUInt64LE(BigInt(header.length - PREFIX));
  json.copy(header, PREFIX);
  try {
    await using file = await open(path, 'w');
    await writeAll(file, header);
    for (const { data } of tensors)
      await writeAll(file, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    await file.sync();
  } catch (error) {
    throw diskError('write', path, error);
  }
}
