import { setTimeout as sleep } from 'node:timers/promises';
import { EvalPlannerError } from '../../errors.ts';
import { Unreachable } from './http.ts';

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15_000;

/** Try until a cluster answers, for so many milliseconds. Throws EvalPlannerError `network` after that, with this remedy; any other
 * error at once. */
export async function patiently<T>(
  attempt: () => Promise<T>,
  { patience, remedy, signal }: { patience: number; remedy: string; signal?: AbortSignal | undefined },
): Promise<T> {
  const start = performance.now();
  for (let pause = FIRST_PAUSE; ; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      const left = patience - (performance.now() - start);
      if (left <= 0) throw new EvalPlannerError('network', error.message, remedy, error);
      await sleep(Math.min(pause, left), undefined, { signal }).catch(() => signal?.throwIfAborted());
    }
  }
}
