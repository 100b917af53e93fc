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

const queue: SampleRequest[] = [];
let open = false;
let asked = false;

async function sample(capacity: number): Promise<void> {
  let finished: Sample[] = [];
  const flush = () => {
    if (finished.length > 0) send({ type: 'samples', samples: finished });
    finished = [];
  };
  const take = () => {
    if (open && !asked && queue.length < LOW) {
      asked = true;
      send({ type: 'hungry' });
    }
    return queue.shift();
  };
  const done = (result: Sample) => {
    finished.push(result);
    if (finished.length >= SLOTS) flush();
  };
  while (open || queue.length > 0) {
    await (sampler as Sampler).run(take, capacity, done);
    flush();
    // The queue was empty: let messages arrive.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  send({ type: 'sampled' });
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
    case 'sample':
      open = true;
      asked = false;
      await sample(message.capacity);
      return;
    case 'requests':
      asked = false;
      if (message.requests.length === 0) open = false;
      else queue.push(...message.requests);
  }
}

let last: Promise<void> = Promise.resolve();
port.on('message', (message: ToWorker) => {
  const fail = (error: unknown) =>
    send({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
  // Requests feed the sampling run in progress; everything else waits its turn.
  if (message.type === 'requests') void handle(message);
  else last = last.then(() => handle(message)).catch(fail);
});
