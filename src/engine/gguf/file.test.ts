import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CheckpointError } from '../errors.ts';
import { openGguf } from './file.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gguf-'));
  path = join(folder, 'model.gguf');
});
afterEach(() => rm(folder, { recursive: true }));

const u32 = (value: number) => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >>> 24];
const u64 = (value: number | bigint) => [...Buffer.from(BigUint64Array.of(BigInt(value)).buffer)];
const text = (value: string) => [...u64(Buffer.byteLength(value)), ...Buffer.from(value)];
const key = (name: string, type: number, value: readonly number[]) => [...text(name), ...u32(type), ...value];
const info = (
  name: string,
  dimensions: readonly (number | bigint)[],
  type: number,
  offset: number | bigint,
) => [...text(name), ...u32(dimensions.length), ...dimensions.flatMap(u64), ...u32(type), ...u64(offset)];

interface Parts {
  readonly magic?: string;
  readonly version?: number;
  readonly tensors?: readonly (readonly number[])[];
  readonly keys?: readonly (readonly number[])[];
  readonly counts?: readonly [tensors: number | bigint, keys: number | bigint];
  readonly data?: number;
}

/** Two tensors of two floats each, 32 bytes apart, and a key. */
const TENSORS = [info('a', [2], 0, 0), info('b', [1, 2], 0, 32)];
const KEYS = [key('name', 8, text('tiny')), key('list', 9, [...u32(5), ...u64(2), ...u32(7), ...u32(-1)])];

/** A file put together by hand, as the specification has it. */
function bytes({
  magic = 'GGUF',
  version = 3,
  tensors = TENSORS,
  keys = KEYS,
  counts,
  data = 40,
}: Parts = {}): Buffer {
  const [tensorCount, keyCount] = counts ?? [tensors.length, keys.length];
  const head = [...Buffer.from(magic), ...u32(version), ...u64(tensorCount), ...u64(keyCount)];
  const header = [...head, ...keys.flat(), ...tensors.flat()];
  const padding = new Array((32 - (header.length % 32)) % 32).fill(0);
  const floats = Buffer.from(Float32Array.from({ length: data / 4 }, (_, i) => i + 0.5).buffer);
  return Buffer.concat([Buffer.from([...header, ...padding]), floats]);
}

async function failure(content: Uint8Array): Promise<CheckpointError> {
  await writeFile(path, content);
  const error = await openGguf(path).then(
    (file) => file.close().then(() => expect.unreachable('it opens')),
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(CheckpointError);
  return error as CheckpointError;
}

it('is read as the specification has it', async () => {
  await writeFile(path, bytes());
  const file = await openGguf(path);
  expect(file.metadata).toEqual(
    new Map<string, unknown>([
      ['name', 'tiny'],
      ['list', Int32Array.of(7, -1)],
    ]),
  );
  expect([...file.tensors].map(([name, { shape, kind }]) => [name, shape, kind.name])).toEqual([
    ['a', [2], 'F32'],
    ['b', [2, 1], 'F32'],
  ]);
  const read = new Float32Array(2);
  await file.read('b', read);
  expect([...read]).toEqual([8.5, 9.5]);
  await file.close();
});

const HUGE = 2n ** 62n;
describe('is refused, in one line and before memory is taken, where', () => {
  it.each<[string, Parts, string]>([
    ['it is something else', { magic: 'GGML' }, 'does not begin with GGUF'],
    ['it is of another version', { version: 1 }, 'version 1'],
    ['it is big-endian', { version: 0x03000000 }, 'big-endian'],
    ['it claims tensors without end', { counts: [HUGE, 2] }, 'dimensions'],
    ['it claims keys without end', { counts: [2, HUGE] }, ''],
    ['a text is longer than the file', { keys: [key('k', 8, u64(HUGE))] }, 'a text has'],
    ['a name is longer than the file', { keys: [u64(HUGE)] }, 'a text has'],
    ['a list is longer than the file', { keys: [key('k', 9, [...u32(5), ...u64(HUGE)])] }, 'claims'],
    ['a list of texts is', { keys: [key('k', 9, [...u32(8), ...u64(2 ** 40)])] }, 'claims'],
    ['it has a list of lists', { keys: [key('k', 9, [...u32(9), ...u64(1), ...u32(9)])] }, 'list of lists'],
    ['a key has no known type', { keys: [key('k', 13, [])] }, 'unknown type 13'],
    ['a key is there twice', { keys: [KEYS[0]!, KEYS[0]!] }, 'twice'],
    ['a text is not UTF-8', { keys: [key('k', 8, [...u64(2), 0xc3, 0x28])] }, 'not UTF-8'],
    ['its alignment is none', { keys: [key('general.alignment', 4, u32(0))] }, 'general.alignment is 0'],
    ['a tensor is there twice', { tensors: [TENSORS[0]!, info('a', [2], 0, 32)] }, 'twice'],
    ['tensors overlap', { tensors: [TENSORS[0]!, info('b', [2], 0, 4)] }, 'overlaps'],
    ['a tensor is longer than the file', { tensors: [info('a', [2 ** 40], 0, 0)] }, 'ends at byte'],
    ['a tensor has no size', { tensors: [info('a', [HUGE, HUGE], 0, 0)] }, 'cannot be F32'],
    ['a tensor lies beyond the file', { tensors: [info('a', [2], 0, HUGE)] }, 'ends at byte'],
    ['a tensor has five dimensions', { tensors: [info('a', [1, 1, 1, 1, 1], 0, 0)] }, '5 dimensions'],
    ['a row is no number of blocks', { tensors: [info('a', [33], 8, 0)] }, 'cannot be Q8_0'],
    ['a tensor is of an unknown type', { tensors: [info('a', [2], 99, 0)] }, 'unknown type 99'],
    ['a tensor is of another type', { tensors: [info('a', [256], 16, 0)] }, 'IQ2_XXS'],
  ])('%s', async (_, parts, message) => {
    const before = process.memoryUsage().arrayBuffers;
    const { message: said, remedy } = await failure(bytes(parts));
    expect(said).toContain(message);
    expect(`${said}${remedy}`).not.toMatch(/\n/);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4e6);
  });

  it('it is cut off anywhere', async () => {
    const whole = bytes();
    for (let length = 0; length < whole.length; length++) await failure(whole.subarray(0, length));
  });

  it('it is cut off while it is open', async () => {
    await writeFile(path, bytes());
    const file = await openGguf(path);
    await truncate(path, bytes().length - 4);
    await expect(file.read('b', new Float32Array(2))).rejects.toThrow('it ends at byte');
    await file.close();
  });

  it.each(['no such file', 'a folder'])('there is %s', async (what) => {
    const place = what === 'a folder' ? folder : path;
    await expect(openGguf(place)).rejects.toBeInstanceOf(CheckpointError);
  });
});

it('with any bytes changed is read or refused, and never more', async () => {
  const whole = bytes();
  const change = fc.tuple(fc.nat(whole.length - 1), fc.nat(255));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 4 }), async (changes) => {
      const content = Buffer.from(whole);
      for (const [at, value] of changes) content[at] = value;
      await writeFile(path, content);
      const before = process.memoryUsage().arrayBuffers;
      try {
        const file = await openGguf(path);
        await file.close();
      } catch (error) {
        expect(error).toBeInstanceOf(CheckpointError);
      }
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4e6);
    }),
    { numRuns: 300 },
  );
});
