import { parentPort } from 'node:worker_threads';
import { HalfParameters, Parameters } from '../llama/parameters.ts';
import { Adapter } from '../lora/adapter.ts';
import type { ChosenToken, Sample, SampleRequest } from '../sampling/sample.ts';
import { type Live, Sampler } from '../sampling/sampler.ts';
import { adamwUpdate, sumOfSquares } from '../training/adamw.ts';
import { GradientRunner } from '../training/gradients.ts';
import type { FromWorker, ToWorker } from './protocol.ts';
import { Turn } from './turn.ts';

/** One worker thread: the runtime's calls block their thread, so each core gets a thread of its own. */

const port = parentPort;
if (!port) throw new Error('this file runs as a worker thread');
const send = (message: FromWorker) => port.postMessage(message);

/** Results are sent this many at a time. */
const BATCH = 64;
/** Ask for more requests while fewer than this many wait. */
const LOW = 32;

let gradients: GradientRunner | null = null;
let sampler: Sampler | null = null;

/** The sampling run in progress: its queue, whether more will come, whether it was given up. */
interface Run {
  readonly id: number;
  readonly live: boolean;
  readonly queue: SampleRequest[];
  dropped: Set<number>;
  open: boolean;
  asked: boolean;
  cancelled: boolean;
  /** Called when one of these has changed. */
  wake(): void;
}
const runs = new Map<number, Run>();

async function sample(run: Run, capacity: number): Promise<void> {
  const { id } = run;
  let finished: Sample[] = [];
  let chosen: ChosenToken[] = [];
  const flush = () => {
    // Tokens first: a request is over when its sample arrives.
    if (chosen.length > 0) send({ type: 'tokens', run: id, tokens: chosen });
    if (finished.length > 0) send({ type: 'samples', run: id, samples: finished });
    chosen = [];
    finished = [];
  };
  const take = () => {
    // A live run is told of its requests unasked.
    if (run.open && !run.live && !run.asked && run.queue.length < LOW) {
      run.asked = true;
      send({ type: 'hungry', run: id });
    }
    return run.queue.shift();
  };
  const done = (result: Sample) => {
    finished.push(result);
    if (finished.length >= BATCH) flush();
  };
  const more = async () => {
    flush();
    while (run.open && run.queue.length === 0 && !run.cancelled) {
      await new Promise<void>((resolve) => {
        run.wake = resolve;
      });
    }
    return run.queue.length > 0 && !run.cancelled;
  };
  const live: Live = {
    token: (token) => chosen.push(token),
    dropped() {
      const { dropped } = run;
      if (dropped.size > 0) run.dropped = new Set();
      return dropped;
    },
    stepped: () => {
      if (run.live || chosen.length > 0) flush();
    },
    idle: async () => run.live && (await more()),
  };
  do await (sampler as Sampler).run(take, capacity, done, () => run.cancelled, live);
  while (await more());
  send({ type: 'sampled', run: id });
}

function cancel(run: Run | undefined): void {
  if (!run) return;
  run.cancelled = true;
  run.wake();
}

async function handle(message: ToWorker): Promise<void> {
  switch (message.type) {
    case 'model': {
      const { config, weights, half, device, adapter } = message;
      await gradients?.close();
      await sampler?.close();
      const parameters = half ? new HalfParameters(config, weights) : new Parameters(config, weights);
      gradients = new GradientRunner(parameters, 1, {
        device,
        adapter: adapter && new Adapter(config, adapter.lora, adapter.weights),
      });
      sampler = parameters instanceof Parameters ? new Sampler(parameters, message) : null;
      return;
    }
    case 'gradient': {
      const { task, index, gradient } = message;
      const turn = new Turn(message.turn, index);
      const adds = task.kind !== 'logp';
      // Training needs the memory.
      sampler?.forget();
      try {
        const result = await (gradients as GradientRunner).run(task, new Float32Array(gradient), turn);
        send({ type: 'gradient', result });
      } finally {
        // Also where it failed: the other worker waits for it.
        if (adds) turn.passAll();
      }
      return;
    }
    case 'squares': {
      const { gradient, stretches } = message;
      const sum = stretches.reduce((total, stretch) => total + sumOfSquares(gradient, stretch), 0);
      send({ type: 'squares', sum });
      return;
    }
    case 'update':
      adamwUpdate(message.arrays, message.stretches, message.update);
      // It samples from the weights as they were.
      await sampler?.close();
      send({ type: 'updated' });
      return;
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
      run.wake();
      return;
    }
    case 'drop': {
      const run = runs.get(message.run);
      if (!run) return;
      for (const index of message.indices) {
        const at = run.queue.findIndex((request) => request.index === index);
        if (at >= 0) run.queue.splice(at, 1);
        else run.dropped.add(index);
      }
      return;
    }
    case 'cancel':
      cancel(runs.get(message.run));
      return;
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
    const { run: id, live } = message;
    const fresh = { queue: [], dropped: new Set<number>(), open: true, asked: false, cancelled: false };
    runs.set(id, { id, live, ...fresh, wake() {} });
  }
  if (message.type === 'close') for (const run of runs.values()) cancel(run);
  // What concerns a sampling run in progress is heard at once; everything else waits its turn.
  if (message.type === 'requests' || message.type === 'drop' || message.type === 'cancel')
    void handle(message);
  else last = last.then(() => handle(message)).catch(fail);
});
