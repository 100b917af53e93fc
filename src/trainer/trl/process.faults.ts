import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import type { EvalPlannerError } from '../../errors.ts';
import type { TrainJob, TrainResult } from '../../trainer.ts';
import { OPTIMISATION, writeStart } from '../start.contract.ts';
import { contractJob, digestOf } from '../trainer.contract.ts';
import { TrlTrainer } from './trainer.ts';

const python = inject('python') as string;

/** Python reads it as it starts: what befalls the rename of a folder of ours. */
const FAULTS = `
import errno, os, signal, time
name, fault = os.environ.get("TRAINER_FAULT", ":").split(":")
rename = os.rename
def broken(source, target, **how):
    if name and str(target).endswith(name):
        if fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault == "full":
            raise OSError(errno.ENOSPC, "No space left on device")
        if fault == "odd":
            raise ValueError("what is this")
        while True:
            time.sleep(1)
    rename(source, target, **how)
os.rename = broken
`;

describe.skipIf(python === null)('where the Python side fails', () => {
  let folder: string;
  let whole: TrainResult;
  const trainer = new TrlTrainer({ python });
  const jobOf = (name: string): Promise<TrainJob> =>
    contractJob(folder, name, 'sft', { model: join(folder, 'M0'), optimisation: OPTIMISATION });
  const { PYTHONPATH: before } = process.env;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evalplanner-faults-'));
    await writeStart(join(folder, 'M0'));
    await mkdir(join(folder, 'faults'));
    await writeFile(join(folder, 'faults', 'sitecustomize.py'), FAULTS);
    process.env.PYTHONPATH = [join(folder, 'faults'), before].filter(Boolean).join(':');
    whole = await trainer.train(await jobOf('whole'));
  });
  afterEach(() => {
    delete process.env.TRAINER_FAULT;
  });
  afterAll(async () => {
    if (before === undefined) delete process.env.PYTHONPATH;
    else process.env.PYTHONPATH = before;
    await rm(folder, { recursive: true, force: true });
  });

  async function failing(job: TrainJob, fault: string, signal?: AbortSignal): Promise<EvalPlannerError> {
    process.env.TRAINER_FAULT = fault;
    const onStep = () => {};
    const error = await trainer.train(job, onStep, signal).then(
      () => expect.unreachable(),
      (error: unknown) => error as EvalPlannerError,
    );
    delete process.env.TRAINER_FAULT;
    return error;
  }

  async function expectWhole(job: TrainJob): Promise<void> {
    const { steps, checkpoints } = await trainer.train(job);
    expect(steps.map(({ loss }) => loss)).toEqual(whole.steps.map(({ loss }) => loss));
    for (const [i, checkpoint] of checkpoints.entries())
      expect(await digestOf(checkpoint)).toBe(await digestOf(whole.checkpoints[i] as string));
  }

  it.each(['step-4', 'checkpoint-4', 'checkpoint-8', 'step-12'])(
    'killed as %s gets its name it goes on from the state before',
    async (name) => {
      const job = await jobOf(`killed at ${name}`);
      expect(await failing(job, `${name}:kill`)).toMatchObject({
        code: 'model',
        message: expect.stringMatching(/has ended before its end \(SIGKILL\)/),
        remedy: expect.stringContaining('goes on'),
      });
      await expectWhole(job);
    },
  );

  it('a full disk is called that, and nothing is lost', async () => {
    const job = await jobOf('full');
    expect(await failing(job, 'checkpoint-8:full')).toMatchObject({
      code: 'disk',
      message: expect.stringContaining(job.out),
    });
    await expectWhole(job);
  });

  it('an error of nobody’s is told by the last lines of the log', async () => {
    const job = await jobOf('odd');
    const { code, message, remedy } = await failing(job, 'step-8:odd');
    expect(code).toBe('model');
    expect(message).toContain('ValueError: what is this');
    expect(remedy).toContain(join(job.out, 'trainer.log'));
  });

  it('one that does not hear is ended', async () => {
    const job = await jobOf('deaf');
    const controller = new AbortController();
    process.env.TRAINER_FAULT = 'step-4:hang';
    const reason = new Error('enough');
    const told: number[] = [];
    const ended = trainer.train(
      job,
      ({ step }) => {
        if (told.push(step) === 4) controller.abort(reason);
      },
      controller.signal,
    );
    await expect(ended).rejects.toBe(reason);
    delete process.env.TRAINER_FAULT;
    await expectWhole(job);
  });

  it('a learning rate that diverges is told by its step, and so it is when it is tried again', async () => {
    const optimisation = { ...OPTIMISATION, learningRate: 1e30 };
    const job = await contractJob(folder, 'diverged', 'sft', { model: join(folder, 'M0'), optimisation });
    for (const _ of [1, 2])
      expect(await failing(job, ':')).toMatchObject({
        code: 'usage',
        message: expect.stringMatching(/diverged: step \d+ has loss/),
      });
  });

  it('an interpreter without the packages is refused before anything is paid for', async () => {
    const error = await new TrlTrainer({ python: 'python3' }).ready().catch((error: unknown) => error);
    // Where the system has them all there is nothing to refuse.
    if (error instanceof Error)
      expect(error).toMatchObject({
        code: 'usage',
        message: expect.stringContaining('trl'),
        remedy: expect.stringContaining('doctor --install trl'),
      });
    const none = await new TrlTrainer({ python: '/nowhere/python' }).ready().catch((error: unknown) => error);
    expect(none).toMatchObject({ code: 'usage', message: expect.stringContaining('/nowhere/python') });
    expect(await trainer.ready()).toEqual([]);
  });
});
