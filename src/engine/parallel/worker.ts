import { parentPort } from 'node:worker_threads';
import { Parameters } from '../llama/parameters.ts';
import { type Sample, type SampleRequest, Sampler } from '../sampling/sampler.ts';
import { GradientRunner } from '../training/gradients.ts';
import type { FromWorker, ToWorker } from './protocol.ts';

/** One worker thread: the runtime's calls block their thread, so each core gets a thread of its own. */

const port = parentPort;
if (!port) throw new Error('this file runs as a worker thread');
const send = (message: FromWorker) => port.postMessage(message);

const SLOTS = 64;
/** Ask for more requests while fewer than this many wait. */
const LOW = 64;

let parameters: Parameters | null = null;
let gradients: GradientRunner | null = null;
let sampler: Sampler | null = null;

/** The sampling run in progress: its queue, whether more will come, whether it was given up. */
interface Run {
  readonly id: number;
  readonly queue: SampleRequest[];
  open: boolean;
  asked: boolean;
  cancelled: boolean;
}
const runs = new Map<number, Run>();

async function sample(run: Run, capacity: number): Promise<void> {
  let finished: Sample[] = [];
  const flush = () => {
    if (finished.length > 0) send({ type: 'samples', run: run.id, samples: finished });
    finished = [];
  };
  const take = () => {
    if (run.open && !run.asked && run.queue.length < LOW) {
      run.asked = true;
      send({ type: 'hungry', run: run.id });
    }
    return run.queue.shift();
  };
  const done = (result: Sample) => {
    finished.push(result);
    if (finished.length >= SLOTS) flush();
  };
  while (!run.cancelled && (run.open || run.queue.length > 0)) {
    await (sampler as Sampler).run(take, capacity, done, () => run.cancelled);
    flush();
    // The queue was empty: let messages arrive.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  send({ type: 'sampled', run: run.id });
}

async function handle(message: ToWorker): Promise<void> {
  switch (message.type) {
    case 'model':
      await gradients?.close();
      await sampler?.close();
      parameters = new Parameters(message.config, message.weights);
      gradients = new GradientRunner(parameters, message.threads);
      sampler = new Sampler(parameters, { slots: SLOTS, threads: message.threads });
      return;
    case 'gradient': {
      const result = await (gradients as GradientRunner).run(
        message.task,
        new Float32Array(message.gradient),
      );
      send({ type: 'gradient', result });
      return;
    }
    case 'sample': {
      const run = runs.get(message.run) as Run;
      try {
        await sample(run, message.capacity);
      } finally {
        runs.delete(run.id);
      }
      return;
    }
    case 'requests': {
      const run = runs.get(message.run);
      if (!run) return;
      run.asked = false;
      if (message.requests.length === 0) run.open = false;
      else run.queue.push(...message.requests);
      return;
    }
    case 'cancel': {
      const run = runs.get(message.run);
      if (run) run.cancelled = true;
      return;
    }
    case 'close':
      await gradients?.close();
      await sampler?.close();
      port?.close();
  }
}

let last: Promise<void> = Promise.resolve();
port.on('message', (message: ToWorker) => {
  const fail = (error: unknown) =>
    send({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
  if (message.type === 'sample') {
    runs.set(message.run, { id: message.run, queue: [], open: true, asked: false, cancelled: false });
  }
  if (message.type === 'close') for (const run of runs.values()) run.cancelled = true;
  // What concerns a sampling run in progress is heard at once; everything else waits its turn.
  if (message.type === 'requests' || message.type === 'cancel') void handle(message);
  else last = last.then(() => handle(message)).catch(fail);
});
