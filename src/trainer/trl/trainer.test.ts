import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { EvalPlannerError } from '../../errors.ts';
import type { TrainJob, TrainStep } from '../../trainer.ts';
import { OPTIMISATION, writeStart } from '../start.contract.ts';
import { contractJob } from '../trainer.contract.ts';
import { REQUIREMENTS } from './environment.ts';
import type { PythonJob } from './job.ts';
import { TrlTrainer } from './trainer.ts';

/** Stands for an interpreter: says which packages it has, and what a training prints. The real one is in the stack suite. */
const interpreter = (versions: object, training: string) => `#!${process.execPath}
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
const [, module, command, path] = process.argv.slice(2);
if (command === 'check') console.log(${JSON.stringify(JSON.stringify({ versions }))});
else {
  const tell = (event) => process.stdout.write(JSON.stringify(event) + '\\n');
  const step = (n) => tell({ type: 'step', step: n, steps: 12, loss: 1 / n, learningRate: 1, gradNorm: 1, tokens: 9, seconds: 0 });
  const job = JSON.parse(readFileSync(path, 'utf8'));
  ${training}
}
`;
const FINISHES = `for (const n of job.kept) mkdirSync(job.out + '/step-' + n);
  for (let n = 1; n <= 12; n++) step(n);
  tell({ type: 'done' });`;

let folder: string;
let tried: Record<string, string | null>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evalplanner-trl-'));
  await writeStart(join(folder, 'M0'));
  const lines = (await readFile(REQUIREMENTS, 'utf8')).trim().split('\n');
  tried = { ...Object.fromEntries(lines.map((line) => line.split('=='))), deepspeed: null };
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function python(name: string, versions: object, training = FINISHES): Promise<string> {
  const path = join(folder, `${name}-python.mjs`);
  await writeFile(path, interpreter(versions, training));
  await chmod(path, 0o755);
  return path;
}
const jobOf = (name: string): Promise<TrainJob> =>
  contractJob(folder, name, 'sft', { model: join(folder, 'M0'), optimisation: OPTIMISATION });
const failureOf = (what: Promise<unknown>) =>
  what.then(
    () => expect.unreachable(),
    (error: unknown) => error as EvalPlannerError,
  );

it('says before anything is paid for what is missing, and what was not tried', async () => {
  const whole = await python('whole', tried);
  expect(await new TrlTrainer({ python: whole }).ready()).toEqual([]);
  const build = await python('build', { ...tried, torch: `${tried.torch}+cpu` });
  expect(await new TrlTrainer({ python: build }).ready()).toEqual([]);
  const other = await python('other', { ...tried, trl: '1.2.3' });
  expect(await new TrlTrainer({ python: other }).ready()).toEqual([
    `the trainer trl was not tried with trl 1.2.3 (tried: ${tried.trl})`,
  ]);
  const less = await python('less', { ...tried, trl: null, peft: null });
  expect(await failureOf(new TrlTrainer({ python: less }).ready())).toMatchObject({
    code: 'usage',
    message: expect.stringMatching(/lacks trl, peft$/),
    remedy: expect.stringContaining('doctor --install trl'),
  });
  expect(await failureOf(new TrlTrainer({ python: whole, accelerate: 'zero3' }).ready())).toMatchObject({
    message: expect.stringMatching(/lacks deepspeed$/),
  });
  expect(await failureOf(new TrlTrainer({ python: '/nowhere/python' }).ready())).toMatchObject({
    code: 'usage',
    message: expect.stringContaining('/nowhere/python'),
  });
});

it('puts down token ids and their schedule, and tells what the process tells', async () => {
  const told: TrainStep[] = [];
  const job = await jobOf('told');
  const kept = join(folder, 'kept');
  const copies = `cpSync(job.state.replace(/states$/, ''), ${JSON.stringify(kept)}, { recursive: true });`;
  const trainer = new TrlTrainer({ python: await python('copies', tried, `${copies}${FINISHES}`) });
  const { steps, checkpoints, dropped } = await trainer.train(job, (step) => told.push(step));
  expect(told).toEqual(steps);
  expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
  expect([checkpoints, dropped]).toEqual([[4, 8, 12].map((n) => join(job.out, `step-${n}`)), 0]);
  const lines = async (name: string) =>
    (await readFile(join(kept, name), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  const rows = (await lines('rows.jsonl')) as { prompt: number[]; completion: number[] }[];
  const schedule = (await lines('schedule.jsonl')) as number[][];
  const { eos } = JSON.parse(await readFile(join(kept, 'job.json'), 'utf8')) as PythonJob;
  expect(rows.length).toBe(14);
  for (const { completion } of rows) expect(completion.at(-1)).toBe(eos);
  const times = schedule.flat().sort((a, b) => a - b);
  expect(times).toEqual(Array.from({ length: 42 }, (_, i) => Math.floor(i / 3)));
});

it('goes on with what was put down, and tells again what was told', async () => {
  const job = await jobOf('again');
  const first = new TrlTrainer({ python: await python('dies', tried, 'step(1); step(2); process.exit(3);') });
  const told: TrainStep[] = [];
  const failure = await failureOf(first.train(job, (step) => told.push(step)));
  expect(failure).toMatchObject({ code: 'model', message: expect.stringContaining('exit code 3') });
  expect(told.map(({ step }) => step)).toEqual([1, 2]);
  // The rows are read once.
  await rm(job.rows);
  const { steps } = await new TrlTrainer({ python: await python('second', tried) }).train(job);
  expect(steps.slice(0, 2)).toEqual(told);
  expect(steps.length).toBe(12);
});

it.each([
  [
    'a failure that it has told',
    "tell({ type: 'failure', code: 'disk', message: 'full', remedy: 'free' }); process.exit(70);",
    'disk',
    /^full/,
  ],
  [
    'an exception',
    "console.error('Traceback'); console.error('OddError: 7'); process.exit(1);",
    'model',
    /OddError: 7/,
  ],
  ['an end without a word', 'process.exit(0);', 'model', /exit code 0/],
  ['a line that is none', "process.stdout.write('{\\n'); setTimeout(() => {}, 1e6);", undefined, /JSON/],
])('tells %s', async (name, training, code, message) => {
  const trainer = new TrlTrainer({ python: await python(name.replaceAll(' ', '-'), tried, training) });
  expect(await failureOf(trainer.train(await jobOf(name)))).toMatchObject({
    ...(code === undefined ? {} : { code }),
    message: expect.stringMatching(message),
  });
});

it('does not go on with what another trainer has begun', async () => {
  const job = await jobOf('other');
  await mkdir(job.out, { recursive: true });
  await writeFile(join(job.out, 'training.json'), JSON.stringify({ key: job.key }));
  await writeFile(join(job.out, 'train.state'), 'of the embedded one');
  const { steps } = await new TrlTrainer({ python: await python('over', tried) }).train(job);
  expect(steps.length).toBe(12);
});
