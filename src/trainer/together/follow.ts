import type { Together } from 'together-ai';
import { EvalPlannerError } from '../../errors.ts';
import type { TrainStep } from '../../trainer.ts';
import { mayPass, type Service } from './client.ts';
import { pause } from './pause.ts';
import type { Steps } from './steps.ts';

/** Milliseconds that the service may be out of reach while a job goes on there. */
const PATIENCE = 15 * 60_000;

/** Tells the steps of a job until it is over; answers why it did not end well, null where it did. */
export async function follow(
  { api, failure, redact }: Service,
  id: string,
  steps: Steps,
  { tell, poll, signal }: { tell(step: TrainStep): void; poll: number; signal?: AbortSignal | undefined },
): Promise<EvalPlannerError | null> {
  // The loop itself tries again.
  const options = { maxRetries: 0, ...(signal ? { signal } : {}) };
  let reached = performance.now();
  // What is queued for an hour is not asked for every second, and what takes a minute is soon known.
  let wait = poll / 10;
  for (;;) {
    signal?.throwIfAborted();
    try {
      // The job first: what is then told of one that is over is all there is.
      const job = await api.fineTuning.retrieve(id, options);
      const { metrics } = await api.fineTuning.listMetrics(id, { global_step_from: steps.last + 1 }, options);
      reached = performance.now();
      for (const step of steps.read(metrics ?? [])) {
        signal?.throwIfAborted();
        tell(step);
      }
      const over = ended(job, redact);
      if (over || job.status === 'completed') return over;
    } catch (error) {
      signal?.throwIfAborted();
      if (!mayPass(error) || performance.now() - reached > PATIENCE)
        throw failure(error, `the state of ${id}`);
    }
    await pause(wait, signal);
    wait = Math.min(poll, wait * 1.5);
  }
}

/** Why a job will not end well; null where it may. */
function ended(
  { id, status, events }: Together.FinetuneResponse,
  redact: (text: string) => string,
): EvalPlannerError | null {
  if (status === 'cancelled' || status === 'cancel_requested')
    return new EvalPlannerError(
      'run',
      `the training ${id} was cancelled at together.ai`,
      'run the same command again to train anew, from the start',
    );
  if (status !== 'error') return null;
  const told = events?.findLast(({ type }) => type === 'job_error')?.message;
  return new EvalPlannerError(
    'model',
    `the training ${id} failed at together.ai${told === undefined ? '' : `: ${redact(told).slice(0, 500)}`}`,
    'look at its events there; the same command trains anew, from the start',
  );
}
