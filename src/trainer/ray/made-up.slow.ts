import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Order, Place } from '../child.contract.ts';
import { killContract } from '../kill.contract.ts';
import { OPTIMISATION, writeStart } from '../start.contract.ts';
import { contractJob, type UnderTest } from '../trainer.contract.ts';
import { madeUpTraining } from './made-up-training.contract.ts';
import { MadeUpHead } from './server.contract.ts';
import { RayTrainer } from './trainer.ts';

const SCRIPT = join(import.meta.dirname, 'child.contract.ts');
const TOKEN = 'a-token-of-a-made-up-head';

/** Of 12 steps, 4, 8 and 12 leave a checkpoint. The job goes on where the process that follows it is killed. */
const PLACES: readonly Place[] = [
  // What the folder remembers: before anything is there, and before a job is submitted.
  { instead: 'rename', of: 'ray.json', n: 1 },
  { instead: 'rename', of: 'ray.json', n: 2 },
  { after: 'step', n: 1 },
  { amid: 'write', n: 3 },
  { after: 'step', n: 6 },
  { instead: 'rename', of: 'step-4', n: 1 },
  { instead: 'rename', of: 'step-12', n: 1 },
  { instead: 'rename', of: 'training.json', n: 1 },
];

async function open(folder: string): Promise<UnderTest & { readonly head: MadeUpHead }> {
  const [model, shared] = [join(folder, 'M0'), join(folder, 'shared')];
  await writeStart(model);
  await mkdir(shared);
  const head = await MadeUpHead.start(madeUpTraining(), TOKEN);
  const { address } = head;
  Object.assign(process.env, {
    RAY_TOKEN_OF_THE_TEST: TOKEN,
    RAY_ADDRESS_OF_THE_TEST: address,
    RAY_SHARED_OF_THE_TEST: shared,
  });
  const trainer = new RayTrainer({ address, shared, tokenEnv: 'RAY_TOKEN_OF_THE_TEST' }, { poll: 20 });
  return { trainer, model, optimisation: OPTIMISATION, head, close: () => head.close() };
}

killContract('ray on a made-up head', { script: SCRIPT, make: open, places: { sft: PLACES, dpo: PLACES } });

test('killed between a submission and its answer it does not submit again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'evalplanner-ray-'));
  const { head, trainer, ...world } = await open(folder);
  const job = await contractJob(folder, 'killed', 'sft', world);
  const order: Order = { job, place: null };
  const child = spawn(process.execPath, [SCRIPT, JSON.stringify(order)], { stdio: 'inherit' });
  head.onSubmit = () => child.kill('SIGKILL');
  const [, signal] = await once(child, 'close');
  expect(signal).toBe('SIGKILL');
  expect(head.submitted).toHaveLength(1);
  expect((await trainer.train(job)).steps).toHaveLength(12);
  expect(head.submitted).toHaveLength(1);
  await trainer.close();
  await head.close();
  await rm(folder, { recursive: true, force: true });
});
