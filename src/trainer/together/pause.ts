import { setTimeout } from 'node:timers/promises';

/** Rejects with the signal's reason. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await setTimeout(milliseconds, undefined, signal ? { signal } : {}).catch(() => {});
  signal?.throwIfAborted();
}
