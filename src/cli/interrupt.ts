import { EvalPlannerError } from '../errors.ts';

/** What the same command does with what has come. */
export function againFor(store: string | undefined): string {
  return store === undefined
    ? 'run the same command again: without --store FILE, which keeps what has come, it starts over'
    : `run the same command again: what is in ${store} is not asked for again`;
}

/** Run work that Ctrl-C or SIGTERM may stop: the first one aborts the signal, the second one ends the process at once. */
export async function interruptible(
  work: (signal: AbortSignal) => Promise<void>,
  remedy = 'run the same command again',
): Promise<void> {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) {
      // Not process.exit: that would wait for threads, and abort where one is inside a call of the runtime.
      process.off('SIGINT', stop);
      process.kill(process.pid, 'SIGINT');
      return;
    }
    process.stderr.write('\nstopping; once more to stop at once\n');
    controller.abort(new EvalPlannerError('interrupted', 'stopped before it was done', remedy));
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  try {
    await work(controller.signal);
  } finally {
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
  }
}
