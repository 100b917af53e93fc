import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { follow } from './follow.ts';
import { RayHttp } from './http.ts';
import { RayJobs } from './jobs.ts';
import { type Entrypoint, MadeUpHead } from './server.contract.ts';

const TOKEN = 'a-token-of-a-made-up-head';
const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

async function setup(run?: Entrypoint, { token = TOKEN, timeout = 30_000 } = {}) {
  const head = await MadeUpHead.start(run, TOKEN);
  const jobs = new RayJobs(new RayHttp({ address: head.address, token, timeout }));
  opened.push(head, jobs);
  return { head, jobs };
}

const submission = (id: string) => ({ id, entrypoint: 'train', runtimeEnv: {} });
const FOLLOW = { poll: 20, patience: 300 };

/** Says a line at a time, each when it is let. */
function speaker(lines: number) {
  const steps = Array.from({ length: lines + 1 }, () => Promise.withResolvers<void>());
  const run: Entrypoint = async (_, log) => {
    for (const [i, { promise }] of steps.entries()) {
      await promise;
      if (i < lines) log(`line ${i + 1}\n`);
    }
    return 0;
  };
  return { run, let: (step: number) => steps[step - 1]?.resolve(), end: () => steps.at(-1)?.resolve() };
}

test('a package is uploaded once', async () => {
  const { head, jobs } = await setup();
  const uri = await jobs.upload('_ray_pkg_a.zip', Buffer.from('zip'));
  expect(uri).toBe('gcs://_ray_pkg_a.zip');
  await jobs.upload('_ray_pkg_a.zip', Buffer.from('zip'));
  expect(head.asked.filter((one) => one.startsWith('PUT'))).toHaveLength(1);
  expect(head.packages.get('_ray_pkg_a.zip')?.toString()).toBe('zip');
});

test('a job is followed line by line to its end, and one of its id is not begun twice', async () => {
  const { run, end, let: go } = speaker(2);
  const { head, jobs } = await setup(run);
  expect(await jobs.find('a')).toBeNull();
  await jobs.submit(submission('a'));
  await jobs.submit(submission('a'));
  expect(head.submitted).toEqual(['a']);
  const told: string[] = [];
  const followed = follow(jobs, 'a', { ...FOLLOW, onLine: (line) => told.push(line) });
  for (const step of [1, 2]) {
    go(step);
    await expect.poll(() => told.at(-1)).toBe(`line ${step}`);
  }
  end();
  expect(await followed).toMatchObject({ status: 'SUCCEEDED', driver_exit_code: 0 });
  expect(told).toEqual(['Running entrypoint for job a: train', 'line 1', 'line 2']);
  await jobs.remove('a');
  expect(await jobs.find('a')).toBeNull();
});

test.each([
  ['connections are cut', (head: MadeUpHead) => head.cut()],
  [
    'it is down for a while',
    async (head: MadeUpHead) => {
      head.mood = 'down';
      head.cut();
      await sleep(60);
      head.mood = 'ok';
    },
  ],
  [
    'it hangs for a while',
    async (head: MadeUpHead) => {
      head.mood = 'hang';
      head.cut();
      await sleep(60);
      head.cut();
      head.mood = 'ok';
    },
  ],
  [
    'it starts anew before it answers for its jobs',
    async (head: MadeUpHead) => {
      head.mood = 'starting';
      head.cut();
      await sleep(60);
      head.mood = 'ok';
    },
  ],
  [
    'WebSockets do not pass',
    (head: MadeUpHead) => {
      head.tails = false;
      head.cut();
    },
  ],
])('no line is told twice or left out where %s', async (_, disturb) => {
  const { run, end, let: go } = speaker(4);
  const { head, jobs } = await setup(run);
  await jobs.submit(submission('a'));
  const told: string[] = [];
  const followed = follow(jobs, 'a', { ...FOLLOW, patience: 10_000, onLine: (line) => told.push(line) });
  go(1);
  await expect.poll(() => told.length).toBe(2);
  await disturb(head);
  go(2);
  go(3);
  await expect.poll(() => told.length, { timeout: 10_000 }).toBe(4);
  go(4);
  end();
  expect(await followed).toMatchObject({ status: 'SUCCEEDED' });
  expect(told.slice(1)).toEqual(['line 1', 'line 2', 'line 3', 'line 4']);
});

test('a head that stays away longer than the patience is given up in a line, the job is not', async () => {
  const { run } = speaker(1);
  const { head, jobs } = await setup(run);
  await jobs.submit(submission('a'));
  const followed = follow(jobs, 'a', { ...FOLLOW, onLine: () => {} });
  await expect.poll(() => head.asked.some((one) => one.startsWith('WS'))).toBe(true);
  head.mood = 'down';
  head.cut();
  await expect(followed).rejects.toMatchObject({
    code: 'network',
    message: expect.stringContaining(head.address),
    remedy: expect.stringContaining('job a goes on'),
  });
  head.mood = 'ok';
  expect(await jobs.find('a')).toMatchObject({ status: 'RUNNING' });
});

test('a head that was started again with its memory says that its jobs failed, one without knows them no more', async () => {
  for (const memory of [true, false]) {
    const { run } = speaker(1);
    const { head, jobs } = await setup(run);
    await jobs.submit(submission('a'));
    const followed = follow(jobs, 'a', { ...FOLLOW, onLine: () => {} });
    await expect.poll(() => head.asked.some((one) => one.startsWith('WS'))).toBe(true);
    head.restart({ memory });
    const job = await followed;
    if (memory)
      expect(job).toMatchObject({ status: 'FAILED', error_type: 'JOB_SUPERVISOR_ACTOR_START_FAILURE' });
    else expect(job).toBeNull();
  }
});

test('what is aborted is no longer followed', async () => {
  const { run } = speaker(1);
  const { jobs } = await setup(run);
  await jobs.submit(submission('a'));
  const reason = new Error('enough');
  const controller = new AbortController();
  const onLine = () => controller.abort(reason);
  await expect(follow(jobs, 'a', { ...FOLLOW, onLine, signal: controller.signal })).rejects.toBe(reason);
  await jobs.stop('a');
  expect(await jobs.find('a')).toMatchObject({ status: 'STOPPED' });
});

test('a token that is missing or wrong is told as such, and never repeated', async () => {
  const { head, jobs } = await setup(undefined, { token: 'another-token' });
  await expect(jobs.version()).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining('does not take this token'),
  });
  const none = new RayJobs(new RayHttp({ address: head.address }));
  opened.push(none);
  await expect(none.version()).rejects.toMatchObject({
    code: 'usage',
    remedy: expect.stringContaining('RAY_AUTH_TOKEN'),
  });
});

test('what a job prints of the token is taken out', async () => {
  const { jobs } = await setup(async (_, log) => {
    log(`my token is ${TOKEN}\n`);
    return 0;
  });
  await jobs.submit(submission('a'));
  const told: string[] = [];
  await follow(jobs, 'a', { ...FOLLOW, onLine: (line) => told.push(line) });
  expect(told.at(-1)).toBe('my token is [key]');
});

test('a head that takes a question and does not answer is given up', async () => {
  const { head, jobs } = await setup(undefined, { timeout: 50 });
  head.mood = 'hang';
  await expect(jobs.version()).rejects.toThrow(/no answer within 0.05 s/);
});

test('another server is no dashboard of Ray', async () => {
  const { head, jobs } = await setup();
  head.version = undefined as unknown as string;
  await expect(jobs.version()).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining('no dashboard'),
  });
});
