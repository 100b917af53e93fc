import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { TrainStep } from '../../trainer.ts';
import { OPTIMISATION, writeStart } from '../start.contract.ts';
import { contractJob, digestOf, trainerContract } from '../trainer.contract.ts';
import { type MadeUpTraining, madeUpTraining } from './made-up-training.contract.ts';
import type { RayOptions, RayPatience } from './options.ts';
import { MadeUpHead } from './server.contract.ts';
import { RayTrainer } from './trainer.ts';

const TOKEN = 'a-token-of-a-made-up-head';
const QUICK: RayPatience = { poll: 20, patience: 10_000, connectPatience: 2_000 };

let folder: string;
let model: string;
beforeAll(async () => {
  process.env.TOKEN_OF_THE_TEST = TOKEN;
  folder = await mkdtemp(join(tmpdir(), 'evalplanner-ray-'));
  model = join(folder, 'M0');
  await writeStart(model);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

async function setup(training: MadeUpTraining = {}) {
  const head = await MadeUpHead.start(madeUpTraining(training), TOKEN);
  opened.push(head);
  const shared = await mkdtemp(join(folder, 'shared-'));
  const open = (options: Partial<RayOptions> = {}, patience: Partial<RayPatience> = {}) => {
    const given = { address: head.address, shared, tokenEnv: 'TOKEN_OF_THE_TEST', ...options };
    const trainer = new RayTrainer(given, { ...QUICK, ...patience });
    opened.push(trainer);
    return trainer;
  };
  return { head, shared, open };
}

let count = 0;
const jobOf = (rows?: readonly object[]) =>
  contractJob(folder, `job-${++count}`, 'sft', { model, optimisation: OPTIMISATION }, rows);

trainerContract('ray on a made-up head', async (at) => {
  const head = await MadeUpHead.start(madeUpTraining(), TOKEN);
  const start = join(at, 'M0');
  await writeStart(start);
  const shared = join(at, 'shared');
  await mkdir(shared);
  const trainer = new RayTrainer({ address: head.address, shared, tokenEnv: 'TOKEN_OF_THE_TEST' }, QUICK);
  return { trainer, model: start, optimisation: OPTIMISATION, close: () => head.close() };
});

/** What a training of the job comes to where nothing disturbs it. */
async function undisturbed() {
  const { open } = await setup();
  const { steps, checkpoints } = await open().train(await jobOf());
  return { steps, digests: await Promise.all(checkpoints.map(digestOf)) };
}

test.each([
  ['with its memory', { memory: true, jobs: 2 }],
  ['without', { memory: false, jobs: 2 }],
])('a head that is killed and started again %s loses nothing that was told', async (_, { memory, jobs }) => {
  const whole = await undisturbed();
  let head: MadeUpHead | undefined;
  let killed = false;
  const { head: made, open } = await setup({
    before(step) {
      if (step !== 7 || killed) return;
      killed = true;
      head?.restart({ memory });
    },
  });
  head = made;
  const notes: string[] = [];
  const told: TrainStep[] = [];
  const { steps, checkpoints } = await open().train(
    await jobOf(),
    (step) => told.push(step),
    undefined,
    (note) => notes.push(note),
  );
  expect(told).toEqual(steps);
  expect(steps).toEqual(whole.steps);
  expect(await Promise.all(checkpoints.map(digestOf))).toEqual(whole.digests);
  expect(head.submitted).toHaveLength(jobs);
  expect(notes).toEqual([expect.stringContaining('was lost')]);
});

test('a job that is lost again and again without a step is given up', async () => {
  let head: MadeUpHead | undefined;
  const { head: made, open } = await setup({
    before: (step) => (step === 7 && head?.restart({ memory: true }) ? undefined : undefined),
  });
  head = made;
  const failure = await open()
    .train(await jobOf())
    .catch((error: unknown) => error);
  expect(failure).toMatchObject({
    code: 'model',
    message: expect.stringContaining('was lost 4 times in a row'),
  });
  expect(head.submitted).toHaveLength(4);
});

test('an orchestrator that ends between a submission and its answer finds the job that it submitted', async () => {
  const { head, open } = await setup();
  const job = await jobOf();
  // Its connection is gone before it is answered: nothing more is known here.
  head.onSubmit = () => {
    head.onSubmit = () => {};
    head.mood = 'down';
    head.cut();
  };
  await expect(open({}, { patience: 0 }).train(job)).rejects.toMatchObject({ code: 'network' });
  head.mood = 'ok';
  const { steps } = await open().train(job);
  expect(steps).toHaveLength(12);
  expect(head.submitted).toHaveLength(1);
});

test('one that was away longer than its patience follows the job further, which has gone on', async () => {
  const pass = Promise.withResolvers<void>();
  const { head, open } = await setup({ before: (step) => (step === 3 ? pass.promise : undefined) });
  const job = await jobOf();
  const told: TrainStep[] = [];
  const first = open({}, { patience: 50 }).train(job, (step) => {
    told.push(step);
    if (step.step !== 2) return;
    head.mood = 'down';
    head.cut();
  });
  await expect(first).rejects.toMatchObject({
    code: 'network',
    remedy: expect.stringContaining('same command again'),
  });
  expect(told).toHaveLength(2);
  head.mood = 'ok';
  pass.resolve();
  const again: TrainStep[] = [];
  await open().train(job, (step) => again.push(step));
  expect(again.slice(0, 2)).toEqual(told);
  expect(again.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
  expect(head.submitted).toHaveLength(1);
});

test('a finished training leaves nothing in what is shared, and the token nowhere', async () => {
  const { head, shared, open } = await setup();
  const job = await jobOf();
  const { checkpoints } = await open().train(job);
  expect(await readdir(shared)).toEqual([]);
  expect(checkpoints.every((checkpoint) => existsSync(join(checkpoint, 'model.safetensors')))).toBe(true);
  for (const entry of await readdir(job.out, { recursive: true, withFileTypes: true }))
    if (entry.isFile())
      expect(await readFile(join(entry.parentPath, entry.name), 'utf8')).not.toContain(TOKEN);
  for (const code of head.packages.values()) expect(code.toString('latin1')).not.toContain(TOKEN);
});

test('a training of another key has the job of the former one stopped, and its folder removed', async () => {
  const never = new Promise<void>(() => {});
  const { head, shared, open } = await setup({ before: (step) => (step === 3 ? never : undefined) });
  const job = await jobOf();
  const first = open({}, { patience: 50 }).train(job, ({ step }) => {
    if (step !== 2) return;
    head.mood = 'down';
    head.cut();
  });
  await expect(first).rejects.toMatchObject({ code: 'network' });
  head.mood = 'ok';
  const [place] = await readdir(shared);
  const controller = new AbortController();
  const second = open().train(
    { ...job, key: 'another' },
    ({ step }) => step === 2 && controller.abort(),
    controller.signal,
  );
  await expect(second).rejects.toThrow(/abort/);
  expect(head.statusOf(head.submitted[0] as string)).toBe('STOPPED');
  expect(await readdir(shared)).not.toContain(place);
});

test('what Python tells of a failure is told as it is, and its last words where it says nothing', async () => {
  const say = (event: object) => `${JSON.stringify(event).replace('"type":', '"type": ')}\n`;
  const head = await MadeUpHead.start(async (_, log) => {
    log(
      say({
        type: 'failure',
        code: 'usage',
        message: 'the training has diverged',
        remedy: 'lower the learning rate',
      }),
    );
    return 70;
  });
  const mute = await MadeUpHead.start(async (_, log) => {
    log('Segmentation fault\n');
    return 139;
  });
  opened.push(head, mute);
  const train = async (address: string) => {
    const trainer = new RayTrainer({ address, shared: folder, tokenEnv: 'TOKEN_OF_THE_TEST' }, QUICK);
    opened.push(trainer);
    return trainer.train(await jobOf());
  };
  await expect(train(head.address)).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining('diverged'),
    remedy: 'lower the learning rate',
  });
  await expect(train(mute.address)).rejects.toMatchObject({
    code: 'model',
    message: expect.stringMatching(/exit code 139[\s\S]*Segmentation fault/),
  });
});

test('before anything is paid for it says what would be in the way', async () => {
  const { head, open } = await setup();
  expect(await open().ready()).toEqual([]);
  process.env.WRONG_TOKEN_OF_THE_TEST = 'wrong';
  await expect(open({ tokenEnv: 'WRONG_TOKEN_OF_THE_TEST' }).ready()).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining('does not take this token'),
  });
  expect(() => open({ tokenEnv: 'NO_TOKEN_OF_THE_TEST' }).ready()).toThrow(/NO_TOKEN_OF_THE_TEST is not set/);
  await expect(open({ address: 'http://127.0.0.1:9' }, { connectPatience: 0 }).ready()).rejects.toMatchObject(
    { code: 'network', remedy: expect.stringContaining('trainer.address') },
  );
  await expect(open({ shared: join(folder, 'nowhere') }).ready()).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining('nowhere'),
  });
  head.version = '2.99.0';
  expect(await open().ready()).toEqual(['Ray 2.99.0 was not tried (tried: 2.60)']);
});

test.each([
  [
    'reads nothing',
    () => ({ error: 'FileNotFoundError: word' }),
    /node 10.0.0.1 .* does not share .*FileNotFoundError/,
  ],
  ['reads another word', () => ({ text: 'other' }), /does not share/],
  ['lacks a package', (text: string) => ({ text, versions: { trl: null, peft: '0.21.2' } }), /lacks trl$/],
])('a node that %s is told before anything is paid for', async (_, report, message) => {
  const { shared, open } = await setup({ nodes: (word) => [{ node: '10.0.0.1', ...report(word) }] });
  await expect(open().ready()).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringMatching(message),
  });
  expect(await readdir(shared)).toEqual([]);
});

test('other versions are a note, and so is a cluster with no node of the size', async () => {
  const { open } = await setup({
    nodes: (text) => [{ node: '10.0.0.1', text, versions: { trl: '1.17.0', torch: '2.13.0+cpu' } }],
  });
  expect(await open().ready()).toEqual(['the trainer ray was not tried with trl 1.17.0 (tried: 1.16.0)']);
  const none = await setup({ nodes: () => [] });
  expect(await none.open({ resources: { GPU: 8 } }).ready()).toEqual([
    expect.stringContaining('no node of the Ray cluster has CPU 1, GPU 8'),
  ]);
});
