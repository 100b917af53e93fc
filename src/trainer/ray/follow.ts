import { setTimeout as sleep } from 'node:timers/promises';
import { Unreachable } from './http.ts';
import { hasEnded, type RayJob, type RayJobs } from './jobs.ts';
import { patiently } from './patience.ts';

export interface FollowOptions {
  /** Each line of its log once, in order, wherever connections broke in between. */
  readonly onLine: (line: string) => void;
  /** Hears once why it has not begun, where it is still pending when it is looked at for the sixth time. */
  readonly onWait?: (why: string) => void;
  /** Milliseconds between two looks at its state. */
  readonly poll: number;
  /** Milliseconds without any answer after which it is given up; the job is not. */
  readonly patience: number;
  readonly signal?: AbortSignal | undefined;
}

/** Follows a job until it has ended, and answers how; null where the cluster knows it no more. Throws EvalPlannerError `network` when
 * the patience is over, and the signal's reason. */
export async function follow(
  jobs: RayJobs,
  id: string,
  { onLine, onWait, poll, patience, signal }: FollowOptions,
): Promise<RayJob | null> {
  const remedy = `the job ${id} goes on there as long as the cluster does: run the same command again, and it is followed further`;
  const ask = <T>(attempt: () => Promise<T>) => patiently(attempt, { patience, remedy, signal });
  let told = 0;
  /** Takes a log from its first line on; those told before are passed over. */
  const reader = () => {
    let at = 0;
    let rest = '';
    return (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() as string;
      for (const line of lines) {
        if (++at <= told) continue;
        told = at;
        onLine(line);
      }
    };
  };
  let waits = 0;
  const look = (job: RayJob) => {
    if (job.status === 'PENDING' && ++waits === 6) onWait?.(job.message ?? 'it is pending');
  };
  for (;;) {
    // The log first: after a restart of the head it takes this question to wake what looks after its jobs.
    const before = await ask(() => jobs.logs(id, signal));
    const job = await ask(() => jobs.find(id, signal));
    if (job === null) return null;
    const logs = hasEnded(job) ? await ask(() => jobs.logs(id, signal)) : before;
    reader()(logs ?? '');
    if (hasEnded(job)) return job;
    look(job);
    if (!(await listen(jobs, id, { onText: reader(), look, poll, signal }))) await pause(poll, signal);
  }
}

interface Listening extends Pick<FollowOptions, 'poll' | 'signal'> {
  readonly onText: (text: string) => void;
  readonly look: (job: RayJob) => void;
}

/** Hears of the log until the job seems to have ended; false where the connection broke, or hangs. */
async function listen(
  jobs: RayJobs,
  id: string,
  { onText, look, poll, signal }: Listening,
): Promise<boolean> {
  const enough = new AbortController();
  const both = signal ? AbortSignal.any([signal, enough.signal]) : enough.signal;
  let open = true;
  let whole = false;
  const tail = jobs
    .tail(id, onText, both)
    .then(() => {
      whole = true;
    })
    .catch((error) => {
      if (!(error instanceof Unreachable)) throw error;
    })
    .finally(() => {
      open = false;
    });
  // Awaited below, and in the meantime no rejection that nobody hears.
  tail.catch(() => {});
  try {
    while (open) {
      await Promise.race([tail, pause(poll, both)]);
      if (!open) break;
      // A connection that hangs tells nothing.
      const job = await jobs.find(id, signal).catch((error) => {
        if (error instanceof Unreachable) return null;
        throw error;
      });
      if (job === null) return false;
      if (hasEnded(job)) return true;
      look(job);
    }
    await tail;
    return whole;
  } finally {
    enough.abort();
  }
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => signal?.throwIfAborted());
}
