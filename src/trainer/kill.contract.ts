import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TrainStep } from '../trainer.ts';
import type { Order, Place } from './child.contract.ts';
import { contractJob, digestOf, type Kind, type UnderTest } from './trainer.contract.ts';

export interface KillOptions {
  /** A script that calls trainAndDie. */
  readonly script: string;
  readonly make: (folder: string) => Promise<UnderTest>;
  readonly places: Readonly<Record<Kind, readonly Place[]>>;
}

/** A trainer's promise for SIGKILL: see Trainer. Each test kills at all places, one after the other, of one training. */
export function killContract(name: string, { script, make, places }: KillOptions): void {
  let folder: string;
  let under: UnderTest;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evalplanner-kill-'));
    under = await make(folder);
  });
  afterAll(async () => {
    await under.trainer.close();
    await under.close?.();
    await rm(folder, { recursive: true, force: true });
  });

  async function apart(order: Order): Promise<{ readonly killed: boolean; readonly told: TrainStep[] }> {
    const child = spawn(process.execPath, [script, JSON.stringify(order)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [out, [code, signal]] = await Promise.all([text(child.stdout), once(child, 'close')]);
    expect(signal ?? code).toBeOneOf([0, 'SIGKILL']);
    const lines = out.split('\n').slice(0, -1);
    return { killed: signal === 'SIGKILL', told: lines.map((line) => JSON.parse(line) as TrainStep) };
  }

  it.each(['sft', 'dpo'] as const)(
    `${name}: a training of %s that is killed again and again ends as one that was left alone`,
    async (kind) => {
      const whole = await under.trainer.train(await contractJob(folder, `whole-${kind}`, kind, under));
      for (const [i, place] of [...places[kind].map((place) => [place]), places[kind]].entries()) {
        const job = await contractJob(folder, `killed-${kind}-${i}`, kind, under);
        let before: readonly TrainStep[] = [];
        for (const one of place) {
          const { killed, told } = await apart({ job, place: one });
          expect(killed, JSON.stringify(one)).toBe(true);
          const both = Math.min(before.length, told.length);
          // What was told is told again, as it was.
          expect(told.slice(0, both)).toEqual(before.slice(0, both));
          if (told.length > both) before = told;
        }
        const { checkpoints, steps } = await under.trainer.train(job);
        expect(steps.slice(0, before.length)).toEqual(before);
        const withoutTime = (list: readonly TrainStep[]) => list.map(({ seconds: _, ...step }) => step);
        expect(withoutTime(steps)).toEqual(withoutTime(whole.steps));
        const digest = under.digest ?? digestOf;
        for (const [c, checkpoint] of checkpoints.entries())
          expect(await digest(checkpoint)).toBe(await digest(whole.checkpoints[c] as string));
      }
    },
  );

  it(`${name}: a training is not done by two processes`, async () => {
    const job = await contractJob(folder, 'shared', 'sft', under);
    const child = spawn(process.execPath, [script, JSON.stringify({ job, place: null } satisfies Order)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const closed = once(child, 'close');
    await once(child.stdout, 'data');
    const refused = await under.trainer.train(job).catch((error: unknown) => error);
    child.stdout.resume();
    await closed;
    // Quick as it is, it may have ended before it was asked.
    if (refused instanceof Error)
      expect(refused).toMatchObject({ code: 'run', message: expect.stringContaining(`${child.pid}`) });
    expect((await under.trainer.train(job)).steps.length).toBeGreaterThanOrEqual(4);
  });
}
