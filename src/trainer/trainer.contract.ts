import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EvalPlannerError } from '../errors.ts';
import { type Optimisation, type Trainer, type TrainJob, type TrainStep, trainKey } from '../trainer.ts';

/** A trainer under test, and what of the world its jobs need. */
export interface UnderTest {
  readonly trainer: Trainer;
  /** The start, a checkpoint. */
  readonly model: string;
  /** Settings under which CONTRACT_ROWS take four steps or more, and give two checkpoints or more. */
  readonly optimisation: Optimisation;
  /** A row in the form that the trainer takes; as CONTRACT_ROWS has it when absent. */
  readonly row?: (row: object) => object;
  /** What of a checkpoint has to be equal where a training was stopped; all its files where nothing is said. */
  readonly digest?: (checkpoint: string) => Promise<string>;
  /** Ends what is there for the trainer; the trainer itself is closed by the contract. */
  close?(): Promise<void>;
}

export const CONTRACT_ROWS = {
  sft: Array.from({ length: 14 }, (_, i) => ({
    prompt: `Instruction: List ${i % 5} animals. <A> ${'a '.repeat(i % 4)}b <B> c <judge>`,
    completion: ` <plan> Count ${i}. </plan> <exec> ${i} ok. </exec> [[${'AB'[i % 2]}]]`,
  })),
  dpo: Array.from({ length: 14 }, (_, i) => ({
    prompt: `Instruction: List ${i % 5} animals. <A> ${'a '.repeat(i % 4)}b <B> c <judge>`,
    chosen: ` <plan> Count ${i}. </plan> <exec> ${i} ok. </exec> [[${'AB'[i % 2]}]]`,
    rejected: ` <plan> Count ${i}. </plan> <exec> no. </exec> [[${'BA'[i % 2]}]]`,
  })),
};

export type Kind = keyof typeof CONTRACT_ROWS;

/** A job of these rows, in a file of the folder. */
export async function contractJob(
  folder: string,
  name: string,
  kind: Kind,
  { model, optimisation, row: shaped = (row) => row }: Pick<UnderTest, 'model' | 'optimisation' | 'row'>,
  rows: readonly object[] = CONTRACT_ROWS[kind],
): Promise<TrainJob> {
  const path = join(folder, `${name}.jsonl`);
  await writeFile(
    path,
    rows
      .map(shaped)
      .map((row) => `${JSON.stringify(row)}\n`)
      .join(''),
  );
  const method = kind === 'sft' ? { kind } : { kind, beta: 0.1, nllWeight: 0.5 };
  const settings = { ...method, rows: path, optimisation };
  return { ...settings, model, out: join(folder, name), key: await trainKey('the start', settings) };
}

/** All files of a checkpoint, as a digest of their names and bytes. */
export async function digestOf(checkpoint: string): Promise<string> {
  const hash = createHash('sha256');
  const names = await readdir(checkpoint, { recursive: true, withFileTypes: true });
  for (const entry of names.filter((found) => found.isFile()).sort((a, b) => (a.name < b.name ? -1 : 1)))
    hash.update(entry.name).update(await readFile(join(entry.parentPath, entry.name)));
  return hash.digest('hex');
}

const withoutTime = (steps: readonly TrainStep[]) => steps.map(({ seconds: _, ...step }) => step);

/** What every trainer owes its caller (see Trainer); kills, which need a process of their own, are in kill.contract.ts. */
export function trainerContract(name: string, make: (folder: string) => Promise<UnderTest>): void {
  describe(`${name} is a trainer`, () => {
    let folder: string;
    let under: UnderTest;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'evalplanner-contract-'));
      under = await make(folder);
    });
    afterAll(async () => {
      await under.trainer.close();
      await under.close?.();
      await rm(folder, { recursive: true, force: true });
    });

    const digest = (checkpoint: string | undefined) => (under.digest ?? digestOf)(checkpoint as string);
    const jobOf = (name: string, kind: Kind, rows?: readonly object[]) =>
      contractJob(folder, `${name}-${kind}`, kind, under, rows);
    const failureOf = (job: TrainJob, signal?: AbortSignal) =>
      under.trainer.train(job, undefined, signal).then(
        () => expect.unreachable(),
        (error: unknown) => error as EvalPlannerError,
      );

    /** Train until so many steps were told, then abort; answers what was told. It ends with the step under way. */
    async function abortAfter(job: TrainJob, count: number): Promise<TrainStep[]> {
      const controller = new AbortController();
      const reason = new Error('that is enough');
      const told: TrainStep[] = [];
      const onStep = (step: TrainStep) => {
        told.push(step);
        if (told.length === count) controller.abort(reason);
      };
      await expect(under.trainer.train(job, onStep, controller.signal)).rejects.toBe(reason);
      // The step under way may end.
      expect(told.length).toBeLessThanOrEqual(count + 1);
      return told;
    }

    it('names the kinds that it can do', () => {
      expect(under.trainer.kinds.length).toBeGreaterThan(0);
    });

    describe.each(['sft', 'dpo'] as const)('%s', (kind) => {
      const skipped = () => !under.trainer.kinds.includes(kind);

      it('tells each step once and in order, gives whole checkpoints, and leaves rows and start alone', async ({
        skip,
      }) => {
        skip(skipped());
        const extra = CONTRACT_ROWS[kind].map((row, i) => ({
          ...row,
          pair: `p${i}`,
          family: 'list',
          n: { i },
        }));
        const job = await jobOf('plain', kind, extra);
        const before = [await readFile(job.rows), await digestOf(job.model)];
        const told: TrainStep[] = [];
        const { checkpoints, steps, dropped } = await under.trainer.train(job, (step) => told.push(step));
        expect(told).toEqual(steps);
        expect(steps.map(({ step }) => step)).toEqual(
          Array.from({ length: steps[0]!.steps }, (_, i) => i + 1),
        );
        expect(steps.length).toBeGreaterThanOrEqual(4);
        for (const { loss, gradNorm } of steps)
          expect(Number.isFinite(loss) && Number.isFinite(gradNorm)).toBe(true);
        expect(dropped).toBe(0);
        expect(checkpoints.length).toBeGreaterThanOrEqual(2);
        expect(new Set(await Promise.all(checkpoints.map(digest))).size).toBe(checkpoints.length);
        for (const checkpoint of checkpoints) expect(checkpoint.startsWith(job.out)).toBe(true);
        expect([await readFile(job.rows), await digestOf(job.model)]).toEqual(before);
        // Other fields of a row do not count.
        const bare = await under.trainer.train(await jobOf('bare', kind));
        expect(withoutTime(bare.steps)).toEqual(withoutTime(steps));
        expect(await digest(bare.checkpoints.at(-1))).toBe(await digest(checkpoints.at(-1)));
      });

      it('answers at once where the same key has finished, with the same steps and checkpoints', async ({
        skip,
      }) => {
        skip(skipped());
        const job = await jobOf('finished', kind);
        const first = await under.trainer.train(job);
        // Nothing is read again: the rows could be gone.
        await rm(job.rows);
        const told: TrainStep[] = [];
        expect(await under.trainer.train(job, (step) => told.push(step))).toEqual(first);
        expect(told).toEqual(first.steps);
      });

      it('aborted it stops after the step under way, and the same key goes on to the weights of one that was left alone', async ({
        skip,
      }) => {
        skip(skipped());
        const whole = await under.trainer.train(await jobOf('whole', kind));
        const job = await jobOf('parts', kind);
        const told = await abortAfter(job, 1);
        const more = await abortAfter(job, told.length + 1);
        // Steps that were told come again as they were.
        expect(more.slice(0, told.length)).toEqual(told);
        const all: TrainStep[] = [];
        const { checkpoints, steps } = await under.trainer.train(job, (step) => all.push(step));
        expect(all).toEqual(steps);
        expect(steps.slice(0, more.length)).toEqual(more);
        expect(withoutTime(steps)).toEqual(withoutTime(whole.steps));
        for (const [i, checkpoint] of checkpoints.entries())
          expect(await digest(checkpoint)).toBe(await digest(whole.checkpoints[i]));
      });

      it('starts over under another key', async ({ skip }) => {
        skip(skipped());
        const fewer = CONTRACT_ROWS[kind].slice(0, 9);
        const fresh = await under.trainer.train(await jobOf('fresh', kind, fewer));
        await abortAfter(await jobOf('changed', kind), 2);
        for (const rows of [fewer, CONTRACT_ROWS[kind], fewer]) {
          const { checkpoints, steps } = await under.trainer.train(await jobOf('changed', kind, rows));
          if (rows !== fewer) continue;
          expect(withoutTime(steps)).toEqual(withoutTime(fresh.steps));
          expect(await digest(checkpoints.at(-1))).toBe(await digest(fresh.checkpoints.at(-1)));
        }
      });

      it('is done by one at a time; a second one is refused in a line, and the first goes on', async ({
        skip,
      }) => {
        skip(skipped());
        const job = await jobOf('twice', kind);
        const first = under.trainer.train(job);
        const refused = await failureOf(job);
        expect(refused).toBeInstanceOf(EvalPlannerError);
        expect(refused).toMatchObject({ code: 'run', message: expect.stringContaining(job.out) });
        expect(`${refused.message}${refused.remedy}`).not.toContain('\n');
        const { steps } = await first;
        expect((await under.trainer.train(job)).steps).toEqual(steps);
      });

      it('aborted before it begins it rejects with the reason', async ({ skip }) => {
        skip(skipped());
        const reason = new Error('never mind');
        expect(await failureOf(await jobOf('never', kind), AbortSignal.abort(reason))).toBe(reason);
      });

      it('says which file and line is no row', async ({ skip }) => {
        skip(skipped());
        const job = await jobOf('faulty', kind);
        const lines = (await readFile(job.rows, 'utf8')).trimEnd().split('\n');
        const { prompt: _, ...promptless } = CONTRACT_ROWS[kind][2]!;
        for (const line of [
          '{"prompt": "a',
          '[]',
          'null',
          '"a"',
          JSON.stringify(promptless),
          '{"prompt": 1}',
        ]) {
          await writeFile(job.rows, [...lines.slice(0, 2), line, ...lines.slice(3)].join('\n'));
          const fault = await failureOf(job);
          expect(fault, line).toMatchObject({ code: 'data', message: expect.stringContaining('line 3') });
          expect(fault.message).toContain(`faulty-${kind}.jsonl`);
        }
        await writeFile(job.rows, '');
        expect(await failureOf(job)).toMatchObject({
          code: 'data',
          message: expect.stringContaining('no rows'),
        });
        await rm(job.rows);
        expect(await failureOf(job)).toMatchObject({
          code: 'data',
          message: expect.stringContaining(job.rows),
        });
        // Put right, it trains.
        await writeFile(job.rows, lines.join('\n'));
        expect((await under.trainer.train(job)).steps.length).toBeGreaterThanOrEqual(4);
      });
    });
  });
}
