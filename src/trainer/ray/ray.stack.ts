import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { openSafetensors } from '../../engine/safetensors.ts';
import type { TrainStep } from '../../trainer.ts';
import type { Place } from '../child.contract.ts';
import { killContract } from '../kill.contract.ts';
import { OPTIMISATION, writeStart } from '../start.contract.ts';
import { contractJob, digestOf, trainerContract, type UnderTest } from '../trainer.contract.ts';
import { freePorts, RayHead, rayBin } from './head.contract.ts';
import type { RayOptions } from './options.ts';
import { RayTrainer } from './trainer.ts';

const bin = rayBin(inject('python'));
if (bin === null)
  console.error(
    'SKIPPED: trainer ray on a real head. No python/requirements-ray.txt here; EVALPLANNER_RAY names a bin/.',
  );
const hasMoto = bin !== null && existsSync(join(bin, 'moto_server'));

/** Of 12 steps, 4, 8 and 12 leave a checkpoint, 4 and 8 a state. The job goes on where the process that follows it is killed. */
const PLACES: readonly Place[] = [
  { instead: 'rename', of: 'ray.json', n: 2 },
  { after: 'step', n: 1 },
  { amid: 'write', n: 3 },
  { instead: 'rename', of: 'step-12', n: 1 },
  // Of a new training the first one, of the others the last.
  { instead: 'rename', of: 'training.json', n: 1 },
];

const withoutTime = (steps: readonly TrainStep[]) => steps.map(({ seconds: _, ...step }) => step);

describe.skipIf(bin === null)('with a head of Ray on loopback', () => {
  let head: RayHead;
  let store: ChildProcess | undefined;
  let folder: string;
  let model: string;
  let shared: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evalplanner-ray-'));
    [model, shared] = [join(folder, 'M0'), join(folder, 'shared')];
    await writeStart(model);
    await mkdir(shared);
    const [port] = await freePorts(1);
    // Keys of a made-up store.
    const env = {
      AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
      AWS_ACCESS_KEY_ID: 'made-up',
      AWS_SECRET_ACCESS_KEY: 'made-up',
      AWS_DEFAULT_REGION: 'us-east-1',
    };
    if (hasMoto)
      store = spawn(join(bin as string, 'moto_server'), ['-H', '127.0.0.1', '-p', `${port}`], {
        stdio: 'ignore',
      });
    head = await RayHead.start(bin as string, { env });
    Object.assign(process.env, env, {
      RAY_TOKEN_OF_THE_TEST: head.token,
      RAY_ADDRESS_OF_THE_TEST: head.address,
      RAY_SHARED_OF_THE_TEST: shared,
    });
  });
  afterAll(async () => {
    await head?.close();
    if (store?.kill()) await once(store, 'close');
    await rm(folder, { recursive: true, force: true });
  });

  const open = (options: Partial<RayOptions> = {}) =>
    new RayTrainer(
      { address: head.address, shared, tokenEnv: 'RAY_TOKEN_OF_THE_TEST', ...options },
      { poll: 1000 },
    );
  const jobOf = (name: string, kind: 'sft' | 'dpo', optimisation = OPTIMISATION) =>
    contractJob(folder, name, kind, { model, optimisation });

  const make = async (): Promise<UnderTest> => ({ trainer: open(), model, optimisation: OPTIMISATION });
  trainerContract('ray', make);
  killContract('ray', {
    script: join(import.meta.dirname, 'child.contract.ts'),
    make,
    places: { sft: PLACES, dpo: PLACES.slice(1, 2) },
  });

  it('says that it is ready, and what would be in the way', async () => {
    const ready = async (options?: Partial<RayOptions>) => {
      const trainer = open(options);
      try {
        return await trainer.ready();
      } finally {
        await trainer.close();
      }
    };
    expect(await ready()).toEqual([]);
    process.env.WRONG_TOKEN_OF_THE_TEST = 'wrong';
    await expect(ready({ tokenEnv: 'WRONG_TOKEN_OF_THE_TEST' })).rejects.toThrow(/does not take this token/);
    expect(await ready({ resources: { GPU: 8 } })).toEqual([expect.stringContaining('no node')]);
  });

  it.each(['sft', 'dpo'] as const)(
    'two workers of Ray Train come to the numbers of one in %s',
    async (kind) => {
      const [one, two] = [open(), open({ workers: 2 })];
      const [alone, together] = [
        await one.train(await jobOf(`one-${kind}`, kind)),
        await two.train(await jobOf(`two-${kind}`, kind)),
      ];
      for (const [i, { loss, gradNorm, tokens }] of together.steps.entries()) {
        const step = alone.steps[i] as TrainStep;
        expect(Math.abs(loss - step.loss)).toBeLessThan(1e-4);
        expect(Math.abs(gradNorm - step.gradNorm)).toBeLessThan(1e-4);
        expect(tokens).toBe(step.tokens);
      }
      for (const [i, checkpoint] of together.checkpoints.entries())
        expect(await distance(checkpoint, alone.checkpoints[i] as string)).toBeLessThan(1e-4);
      await one.close();
      await two.close();
    },
  );

  it.skipIf(!hasMoto)('rows and checkpoints go through a store', async () => {
    const made = await fetch(`${process.env.AWS_ENDPOINT_URL}/judges`, { method: 'PUT' });
    expect(made.status).toBe(200);
    const here = open();
    const there = open({ shared: 's3://judges/runs', python: join(bin as string, 'python') });
    expect(await there.ready()).toEqual([]);
    const alone = await here.train(await jobOf('by-folder', 'sft'));
    const { steps, checkpoints } = await there.train(await jobOf('by-store', 'sft'));
    expect(withoutTime(steps)).toEqual(withoutTime(alone.steps));
    for (const [i, checkpoint] of checkpoints.entries())
      expect(await digestOf(checkpoint)).toBe(await digestOf(alone.checkpoints[i] as string));
    const left = await fetch(`${process.env.AWS_ENDPOINT_URL}/judges?list-type=2`);
    expect(await left.text()).not.toContain('evalplanner-');
    await here.close();
    await there.close();
  });

  // Last: it has other processes afterwards.
  it('a head that is killed and started again loses nothing that was told', async () => {
    const trainer = open();
    const optimisation = { ...OPTIMISATION, epochs: 40, checkpoints: 20 };
    const whole = await trainer.train(await jobOf('whole', 'sft', optimisation));
    const notes: string[] = [];
    const told: TrainStep[] = [];
    let killed: Promise<void> | undefined;
    const { steps, checkpoints } = await trainer.train(
      await jobOf('lost', 'sft', optimisation),
      (step) => {
        told.push(step);
        if (step.step === 20) killed = head.kill().then(() => head.start());
      },
      undefined,
      (note) => notes.push(note),
    );
    await killed;
    expect(notes).toContainEqual(expect.stringContaining('was lost'));
    expect(told).toEqual(steps);
    expect(withoutTime(steps)).toEqual(withoutTime(whole.steps));
    expect(await digestOf(checkpoints.at(-1) as string)).toBe(
      await digestOf(whole.checkpoints.at(-1) as string),
    );
    await trainer.close();
  });
});

/** The largest difference between two checkpoints' weights. */
async function distance(a: string, b: string): Promise<number> {
  const [x, y] = await Promise.all([a, b].map(weights));
  return (x as Float32Array).reduce(
    (most, value, i) => Math.max(most, Math.abs(value - ((y as Float32Array)[i] as number))),
    0,
  );
}

async function weights(checkpoint: string): Promise<Float32Array> {
  const path = join(checkpoint, 'model.safetensors');
  const file = await openSafetensors(path);
  await file.close();
  const bytes = await readFile(path);
  const start = 8 + Number(bytes.readBigUInt64LE());
  expect(file.entries.size).toBeGreaterThan(0);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length));
}
