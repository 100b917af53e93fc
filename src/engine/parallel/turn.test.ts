import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { Turn } from './turn.ts';

/** Says that it is about to wait, and adds its number to the list when it is its turn. */
const WORKER = `
  import { parentPort, workerData } from 'node:worker_threads';
  const { Turn } = await import(workerData.url);
  const list = new Int32Array(workerData.list);
  const turn = new Turn(workerData.shared, workerData.own);
  if (workerData.own !== 3) {
    parentPort.postMessage('waits');
    turn.wait(0);
  }
  Atomics.store(list, Atomics.add(list, 0, 1) + 1, workerData.own);
  turn.pass(0);
`;

it('threads go in the order of their numbers, whichever comes first, and one that does not wait is passed over', async () => {
  const shared = new SharedArrayBuffer(4);
  const list = new SharedArrayBuffer(32);
  const url = new URL('./turn.ts', import.meta.url).href;
  await Promise.all(
    [5, 2, 4, 0, 1].map((own) => {
      const worker = new Worker(WORKER, { eval: true, workerData: { url, shared, list, own } });
      if (own === 4) new Worker(WORKER, { eval: true, workerData: { url, shared, list, own: 3 } });
      return new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
    }),
  );
  const [count, ...order] = new Int32Array(list);
  expect(count).toBe(6);
  expect(order.slice(0, 6).filter((own) => own !== 3)).toEqual([0, 1, 2, 4, 5]);
  expect(new Int32Array(shared)[0]).toBe(6);
});

it('when a thread is gone the others are let pass, and stay so', async () => {
  const shared = Turn.shared(1);
  const list = new SharedArrayBuffer(32);
  const url = new URL('./turn.ts', import.meta.url).href;
  const workers = [2, 1].map(
    (own) => new Worker(WORKER, { eval: true, workerData: { url, shared, list, own } }),
  );
  const gone = workers.map((worker) => once(worker, 'exit'));
  // Number 0 never comes.
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  // From the message to the wait is a step or two.
  await sleep(50);
  expect(new Int32Array(list)[0]).toBe(0);
  Turn.release(shared);
  await Promise.all(gone);
  expect(new Int32Array(list)[0]).toBe(2);
  expect(new Int32Array(shared)[0]).toBeGreaterThan(1e9);
});
