import type { GenerateRequest, Generation, Model } from './model.ts';
import type { Store } from './store.ts';

/** What every stage works with. */
export interface Work {
  readonly store: Store;
  /** The run's seed; each unit derives its own from it. */
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** Called as units end: how many more are done of how many, and the tokens they took. */
  readonly progress?: (done: number, total: number, tokens: number) => void;
}

/** Generations are stored at least this often; what is in flight at a kill is asked for again. */
const BATCH = 64;
const MILLISECONDS = 250;

/** Have every request's generation in the ledger: those that are there already cost nothing. */
export async function generate(
  work: Work,
  model: Model,
  requests: readonly GenerateRequest[],
): Promise<void> {
  const byKey = new Map(requests.map((request) => [request.key, request]));
  const missing = [...work.store.missing(byKey.keys())].map((key) => byKey.get(key) as GenerateRequest);
  let done = byKey.size - missing.length;
  work.progress?.(done, byKey.size, 0);

  let pending: Generation[] = [];
  let last = performance.now();
  const flush = () => {
    work.store.putGenerations(pending);
    const tokens = pending.reduce((sum, { completionTokens }) => sum + completionTokens, 0);
    done += pending.length;
    pending = [];
    last = performance.now();
    work.progress?.(done, byKey.size, tokens);
  };
  try {
    for await (const generation of model.generate(missing, work.signal)) {
      pending.push(generation);
      if (pending.length >= BATCH || performance.now() - last > MILLISECONDS) flush();
    }
  } finally {
    flush();
  }
  work.signal?.throwIfAborted();
}
