import { expect, it } from 'vitest';
import { StateKeeper } from './state-keeper.ts';

/** A keeper whose writes end when they are let. */
function keeperOf(bytes = 1, signal?: AbortSignal) {
  const writes: { resolve(): void; reject(error: Error): void }[] = [];
  const write = () => new Promise<void>((resolve, reject) => writes.push({ resolve, reject }));
  return { keeper: new StateKeeper({ write, bytes, updates: 0, signal }), writes };
}
const tick = () => new Promise((resolve) => setImmediate(resolve));

it('an update waits for the write of the weights that it changes', async () => {
  const { keeper, writes } = keeperOf();
  keeper.rest(1, true);
  expect(writes).toHaveLength(1);
  let updated = false;
  const update = keeper.change(async () => {
    updated = true;
  });
  await tick();
  expect(updated).toBe(false);
  writes[0]?.resolve();
  await update;
  expect(updated).toBe(true);
});

it('a large state waits for its time, after a checkpoint too; a small one follows it', () => {
  const [small, large] = [keeperOf(1e6), keeperOf(1.6e9)];
  for (const { keeper } of [small, large]) keeper.rest(1, true);
  expect([small.writes.length, large.writes.length]).toEqual([1, 0]);
});

it('aborted it begins at once, but never amid an update, and writes nothing twice', async () => {
  const stop = new AbortController();
  const { keeper, writes } = keeperOf(1, stop.signal);
  keeper.rest(1, false);
  await keeper.change(async () => stop.abort());
  expect(writes).toHaveLength(0);
  keeper.rest(2, false);
  const kept = keeper.keep();
  const again = keeper.keep();
  const update = keeper.change(async () => expect.unreachable());
  writes[0]?.resolve();
  await expect(update).rejects.toThrow(/abort/i);
  await Promise.all([kept, again]);
  expect(writes).toHaveLength(1);
});

it('what a failed update left behind is never written', async () => {
  const { keeper, writes } = keeperOf();
  keeper.rest(1, false);
  const lost = new Error('a thread has ended');
  await expect(keeper.change(() => Promise.reject(lost))).rejects.toBe(lost);
  await keeper.keep();
  expect(writes).toHaveLength(0);
});

it('a write that fails is told to the next update', async () => {
  const { keeper, writes } = keeperOf();
  keeper.rest(1, true);
  const full = new Error('the disk is full');
  writes[0]?.reject(full);
  await expect(keeper.change(async () => expect.unreachable())).rejects.toBe(full);
  await keeper.close();
});
