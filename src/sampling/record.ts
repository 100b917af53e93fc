import { setTimeout } from 'node:timers/promises';
import type { GenerateRequest, Generation, Model, Requests } from '../model.ts';
import type { Generations } from '../store.ts';
import { wellFormed } from '../text/well-formed.ts';
import { comes, turn } from './batches.ts';

export interface RecordOptions {
  /** Ask again for what is there, too; what comes replaces it. */
  readonly fresh?: boolean;
}

/** No transaction is larger, so that a burst of short generations shows on a progress line. */
const BATCH = 64;

/** Ask the model for those requests that the ledger lacks, and yield the generations once they are stored, in any order. What
 * a kill takes is what was in flight. Memory does not grow with the number of requests, which are pulled as the model takes
 * them. */
export async function* record(
  work: { readonly store: Generations; readonly signal?: AbortSignal },
  model: Model,
  requests: Requests,
  { fresh = false }: RecordOptions = {},
): AsyncGenerator<readonly Generation[], void, undefined> {
  // The ledger dates by the millisecond: nothing that is there now may look as if it came after.
  const since = fresh ? Date.now() + 1 : undefined;
  if (fresh) await setTimeout(2);
  const asked = new Set<string>();
  async function* missing(): AsyncGenerator<GenerateRequest> {
    for await (const request of requests) {
      if (asked.has(request.key)) continue;
      for (const key of work.store.missing([request.key], since)) {
        asked.add(key);
        yield request;
      }
    }
  }

  const left = new AbortController();
  const signal = work.signal ? AbortSignal.any([work.signal, left.signal]) : left.signal;
  const source = model.generate(missing(), { signal })[Symbol.asyncIterator]();
  let pending: Generation[] = [];
  const store = () => {
    work.store.putGenerations(pending, since);
    // A failed one stays: what has failed is asked for once in a call.
    for (const { key, finishReason } of pending) if (finishReason !== 'error') asked.delete(key);
    const stored = pending;
    pending = [];
    return stored;
  };
  try {
    for (;;) {
      const next = source.next();
      // What has come is stored before anything is waited for.
      if (pending.length >= BATCH || (pending.length > 0 && !(await comes(next)))) {
        yield store();
        await turn();
      }
      const { value, done } = await next;
      if (done) break;
      pending.push(asStored(value));
    }
    if (pending.length > 0) yield store();
  } finally {
    if (pending.length > 0) store();
    left.abort();
    await source.return?.().catch(() => {});
  }
  work.signal?.throwIfAborted();
}

/** A generation in the texts that a ledger gives back, so that what follows from it is the same before and after. */
export function asStored(generation: Generation): Generation {
  const { text, reasoning } = generation;
  return {
    ...generation,
    text: wellFormed(text),
    ...(reasoning === undefined ? {} : { reasoning: wellFormed(reasoning) }),
  };
}
