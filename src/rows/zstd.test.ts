import { Readable } from 'node:stream';
import { zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { unzstd } from './zstd.ts';

async function read(bytes: Buffer, size: number): Promise<Buffer> {
  const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
  const parts: Buffer[] = [];
  for await (const part of unzstd(Readable.from(chunks))) parts.push(part);
  return Buffer.concat(parts);
}

const text = fc.string({ maxLength: 200 });

it('reads every frame, however the bytes are cut into chunks', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(text, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 300 }),
      async (texts, size) => {
        const frames = Buffer.concat(texts.map((part) => zstdCompressSync(part)));
        expect((await read(frames, size)).toString()).toBe(texts.join(''));
      },
    ),
    { numRuns: 60 },
  );
});

it('fails on a frame that is cut, and on what is none, behind a whole one', async () => {
  const whole = zstdCompressSync('a'.repeat(1000) + Math.PI);
  for (const size of [7, 64, 10_000]) {
    await expect(read(Buffer.concat([whole, whole.subarray(0, -3)]), size)).rejects.toThrow();
    await expect(read(Buffer.concat([whole, Buffer.from('plain text')]), size)).rejects.toThrow();
  }
});
