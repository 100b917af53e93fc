import { mkdir, mkdtemp, rm, statfs, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { checkRoom } from './disk-room.ts';

let out: string;
beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), 'evalplanner-room-'));
});
afterAll(() => rm(out, { recursive: true, force: true }));

const folder = { state: '', checkpoint: (step: number) => join(out, `step-${step}`) };
const check = (checkpoint: number, state: number) =>
  checkRoom(out, { ...folder, state: join(out, 'train.state') }, [4, 8], { checkpoint, state });

it('is all checkpoints and two states', async () => {
  expect(await check(1000, 10)).toBe(2020);
});

it('says how much is needed and how much there is', async () => {
  await expect(check(1e15, 1e15)).rejects.toMatchObject({
    code: 'disk',
    message: expect.stringMatching(/4,000,000,000 MB.*may have [\d,]+ MB/),
    remedy: expect.stringContaining('LoRA'),
  });
});

it('counts what it may write over', async () => {
  const { bavail, bsize } = await statfs(out);
  // Others use the disk as well, by much less than the half of what it has.
  const need = (1.5 * bavail * bsize) / 2;
  await expect(check(need, 0)).rejects.toMatchObject({ code: 'disk' });
  await mkdir(join(out, 'step-4'));
  // A file with a hole takes no room.
  await writeFile(join(out, 'step-4', 'model.safetensors'), '');
  await truncate(join(out, 'step-4', 'model.safetensors'), Math.ceil(bavail * bsize));
  expect(await check(need, 0)).toBe(2 * need);
});
