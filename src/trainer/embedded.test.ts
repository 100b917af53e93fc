import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCheckpoint } from '../engine/llama/checkpoint.ts';
import { readAdapter } from '../engine/lora/checkpoint.ts';
import { Pool } from '../engine/parallel/pool.ts';
import { EvalPlannerError } from '../errors.ts';
import { openCheckpoint } from '../model/local/checkpoint.ts';
import { copyCheckpoint, mergeCheckpoint } from '../model/local/copy.ts';
import { type DpoJob, type SftJob, type TrainJob, type TrainStep, trainKey } from '../trainer.ts';
import { EmbeddedTrainer } from './embedded.ts';
import { OPTIMISATION, writeStart } from './start.contract.ts';
import { CONTRACT_ROWS, trainerContract } from './trainer.contract.ts';

const optimisation = OPTIMISATION;

let folder: string;
let model: string;
let pool: Pool;
let trainer: EmbeddedTrainer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evalplanner-train-'));
  model = join(folder, 'M0');
  await writeStart(model);
  pool = new Pool();
  trainer = new EmbeddedTrainer(pool);
});
afterAll(async () => {
  await pool.close();
  await rm(folder, { recursive: true, force: true });
});

const { sft: rows, dpo: preferences } = CONTRACT_ROWS;
type Change<Job extends TrainJob> = Partial<Omit<Job, 'key' | 'out' | 'rows'>> & {
  readonly rows?: readonly object[];
};

/** A job with its rows in a file. */
async function jobOf<Job extends TrainJob>(
  name: string,
  settings: Omit<Job, 'key' | 'out' | 'rows'>,
  own: readonly object[],
) {
  const path = join(folder, `${name}.jsonl`);
  await writeFile(path, own.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const how = { ...settings, rows: path } as unknown as Job;
  return { ...how, key: await trainKey(how.model, how), out: join(folder, name) };
}
const sft = (name: string, { rows: own = rows, ...more }: Change<SftJob> = {}): Promise<SftJob> =>
  jobOf<SftJob>(name, { kind: 'sft', model, optimisation, ...more }, own);
const dpo = (name: string, { rows: own = preferences, ...more }: Change<DpoJob> = {}): Promise<DpoJob> =>
  jobOf<DpoJob>(name, { kind: 'dpo', model, optimisation, beta: 0.1, nllWeight: 0.5, ...more }, own);
const train = async (job: Promise<TrainJob>, ...more: [((step: TrainStep) => void)?, AbortSignal?]) =>
  trainer.train(await job, ...more);
const weightsOf = async (checkpoint: string | undefined) => (await readCheckpoint(checkpoint!)).flat;
const failureOf = (job: Promise<TrainJob>) =>
  train(job).then(
    () => undefined,
    (error: unknown) => error as EvalPlannerError,
  );

/** Train, and abort once so many steps of this call are done. */
async function trainUntil(job: Promise<TrainJob>, count: number): Promise<TrainStep[]> {
  const controller = new AbortController();
  const steps: TrainStep[] = [];
  const onStep = (step: TrainStep) => {
    steps.push(step);
    if (steps.length === count) controller.abort();
  };
  await expect(train(job, onStep, controller.signal)).rejects.toThrow(/abort/i);
  return steps;
}

describe('SFT', () => {
  it('lowers the loss, tells every step and writes complete checkpoints', async () => {
    const told: TrainStep[] = [];
    const { checkpoints, steps } = await train(sft('told'), (step) => told.push(step));
    // 14 rows in batches of 4 are 4 steps an epoch.
    expect(steps.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
    expect(told).toEqual(steps);
    const mean = (part: readonly TrainStep[]) => part.reduce((sum, { loss }) => sum + loss, 0) / part.length;
    expect(mean(steps.slice(-4))).toBeLessThan(0.9 * mean(steps.slice(0, 4)));
    expect(checkpoints).toEqual([4, 8, 12].map((step) => join(folder, 'told', `step-${step}`)));
    for (const checkpoint of checkpoints) {
      for (const name of ['tokenizer.json', 'tokenizer_config.json']) {
        expect(await readFile(join(checkpoint, name), 'utf8')).toBe(
          await readFile(join(model, name), 'utf8'),
        );
      }
    }
    const [first, , last] = await Promise.all(checkpoints.map(weightsOf));
    expect(last).not.toEqual(first);
    const left = ['step-12', 'step-4', 'step-8', 'steps.jsonl', 'training.json'];
    expect((await readdir(join(folder, 'told'))).sort()).toEqual(left);
  });

  it('every row is seen once an epoch', async () => {
    const { steps } = await train(sft('seen'));
    const epochs = [0, 4, 8].map((at) =>
      steps.slice(at, at + 4).reduce((sum, { tokens }) => sum + tokens, 0),
    );
    expect(new Set(epochs).size).toBe(1);
  });

  it('aborted and run again, it ends with the weights of an uninterrupted run, bit for bit', async () => {
    const whole = await train(sft('whole'));
    await trainUntil(sft('halves'), 6);
    const { checkpoints, steps } = await train(sft('halves'));
    expect(steps.map(({ step }) => step)).toEqual(whole.steps.map(({ step }) => step));
    for (const [i, checkpoint] of checkpoints.entries()) {
      expect(await weightsOf(checkpoint)).toEqual(await weightsOf(whole.checkpoints[i]));
    }
    expect(steps.map(({ loss }) => loss)).toEqual(whole.steps.map(({ loss }) => loss));
  });

  it('weighs the tokens of the verdict in a weighted mean', async () => {
    const one = { ...optimisation, epochs: 1, batchSize: rows.length, checkpoints: 1 };
    const first = async (name: string, verdictWeight?: number) => {
      const weight = verdictWeight === undefined ? {} : { verdictWeight };
      return (await train(sft(name, { optimisation: one, ...weight }))).steps[0]!.loss;
    };
    const [plain, none, heavy] = [await first('w-1'), await first('w-0', 0), await first('w-7', 7)];
    // A verdict is one token here, and there are the tokens of the rows' texts and ends besides.
    const { tokenizer } = await openCheckpoint(model);
    const tokens = rows.reduce((sum, { completion }) => sum + tokenizer.encode(completion).length + 1, 0);
    const verdicts = rows.length;
    const rest = none * (tokens - verdicts);
    const said = plain * tokens - rest;
    expect(said).toBeGreaterThan(0);
    expect(heavy).toBeCloseTo((rest + 7 * said) / (tokens - verdicts + 7 * verdicts), 4);
    const keys = await Promise.all(
      [sft('k'), sft('k', { verdictWeight: 1 }), sft('k', { verdictWeight: 7 })].map(
        async (job) => (await job).key,
      ),
    );
    expect(keys[1]).toBe(keys[0]);
    expect(keys[2]).not.toBe(keys[0]);
  });

  it('never goes on from a state of other rows or settings', async () => {
    for (const [i, change] of [
      { rows: rows.slice(0, 6) },
      { optimisation: { ...optimisation, epochs: 1 } },
    ].entries()) {
      const told = await trainUntil(sft(`changed-${i}`), 5);
      const { checkpoints, steps } = await train(sft(`changed-${i}`, change));
      expect(steps[0]?.step).toBe(1);
      expect(steps[0]?.seconds).not.toBe(told[0]?.seconds);
      const fresh = await train(sft(`fresh-${i}`, change));
      expect(await weightsOf(checkpoints.at(-1))).toEqual(await weightsOf(fresh.checkpoints.at(-1)));
    }
  });

  it('drops rows that are too long, as if they were not there', async () => {
    const long = { prompt: rows[0]!.prompt, completion: ' dog'.repeat(80) };
    const kept = rows.slice(0, 6);
    const [without, among] = [
      await train(sft('without', { rows: kept })),
      await train(sft('among', { rows: [...kept, long] })),
    ];
    expect([without.dropped, among.dropped]).toEqual([0, 1]);
    expect(among.steps.map(({ loss, tokens }) => [loss, tokens])).toEqual(
      without.steps.map(({ loss, tokens }) => [loss, tokens]),
    );
    // The limit itself still fits: prompt, completion and the end token.
    const { steps } = await train(
      sft('exact', { rows: [{ prompt: ' dog'.repeat(3), completion: ' dog'.repeat(60) }] }),
    );
    expect(steps[0]?.tokens).toBe(64);
    const over = [{ prompt: ' dog'.repeat(3), completion: ' dog'.repeat(61) }];
    expect(await failureOf(sft('over', { rows: over }))).toBeInstanceOf(EvalPlannerError);
  });

  it('says so when there is nothing to train on, or no model to start from', async () => {
    const long = { prompt: 'a', completion: ' dog'.repeat(80) };
    const nothing = await failureOf(sft('nothing', { rows: [long] }));
    expect(nothing).toBeInstanceOf(EvalPlannerError);
    expect(nothing?.code).toBe('data');
    expect(nothing?.message).toMatch(/nothing to train/);
    expect(nothing?.remedy).toMatch(/64 tokens/);
    const none = await failureOf(
      dpo('nothing', { rows: [{ ...preferences[0], rejected: ' dog'.repeat(80) }] }),
    );
    expect(none?.code).toBe('data');
    const missing = await failureOf(sft('orphan', { model: join(folder, 'nowhere') }));
    expect(missing).toBeInstanceOf(EvalPlannerError);
    expect(missing?.remedy).not.toBe('');
  });
});

it.each(['sft', 'dpo'])(
  '%s that diverges stops before the update, and keeps what was there',
  async (kind) => {
    const mad = { ...optimisation, learningRate: 1e30, maxGradNorm: 1e30 };
    const out = `mad-${kind}`;
    const failure = await failureOf((kind === 'sft' ? sft : dpo)(out, { optimisation: mad }));
    expect(failure).toBeInstanceOf(EvalPlannerError);
    expect(failure?.message).toMatch(/diverged: step [23] has the loss .*(NaN|Infinity)/);
    expect(failure?.remedy).toContain('learning rate');
    const left = (await readdir(join(folder, out))).filter((name) => name !== 'reference.jsonl');
    expect(left.sort()).toEqual(['steps.jsonl', 'train.state', 'training.json']);
    // What the remedy says is what happens.
    expect(failure?.remedy).toContain('starts over');
    const { steps } = await train((kind === 'sft' ? sft : dpo)(out));
    expect(steps[0]?.step).toBe(1);
  },
);

describe('DPO', () => {
  it('starts at its reference: margin 0 and loss log 2 + NLL', async () => {
    const optimised = { ...optimisation, epochs: 1, batchSize: rows.length, checkpoints: 1 };
    const { steps } = await train(dpo('start', { nllWeight: 0, optimisation: optimised }));
    expect(Math.abs(steps[0]!.margin!)).toBeLessThan(1e-4);
    expect(steps[0]!.loss).toBeCloseTo(Math.log(2), 4);
    // The NLL of the chosen completions is what SFT on the same rows starts with.
    const nll = (await train(sft('nll', { optimisation: optimised }))).steps[0]!.loss;
    const both = await train(dpo('both', { nllWeight: 0.5, optimisation: optimised }));
    expect(both.steps[0]!.loss).toBeCloseTo(Math.log(2) + 0.5 * nll, 4);
  });

  it('widens the margin, and stopped half-way it ends the same, its reference still the start', async () => {
    const whole = await train(dpo('dpo-whole'));
    expect(whole.steps.at(-1)!.margin).toBeGreaterThan(0.1);
    expect(whole.steps.at(-1)!.accuracy).toBe(1);
    const told = await trainUntil(dpo('dpo-halves'), 9);
    const { checkpoints, steps } = await train(dpo('dpo-halves'));
    // Not computed again: also the seconds are those of then.
    expect(steps.slice(0, 9)).toEqual(told);
    expect(await weightsOf(checkpoints.at(-1))).toEqual(await weightsOf(whole.checkpoints.at(-1)));
  });

  it('keeps the reference in its folder, and computes what of it is missing or of other rows', async () => {
    const whole = await train(dpo('kept-whole'));
    // More than a slice of micro-batches.
    const many = Array.from({ length: 1200 }, (_, i) => preferences[i % preferences.length]!);
    const one = { ...optimisation, epochs: 1, batchSize: 400, checkpoints: 1 };
    const large = dpo('kept-many', { rows: many, optimisation: one });
    const path = join(folder, 'kept-many', 'reference.jsonl');
    await trainUntil(large, 1);
    const kept = await readFile(path, 'utf8');
    expect(kept.split('\n').length).toBeGreaterThan(3);
    // What a kill in the middle of a write leaves: the last slice cut. It is computed again, to the same bits.
    await writeFile(path, kept.slice(0, -20));
    await trainUntil(large, 2);
    expect(await readFile(path, 'utf8')).toBe(kept);
    await train(large);
    expect(await readdir(join(folder, 'kept-many'))).not.toContain('reference.jsonl');

    // Those of another start are never taken.
    await trainUntil(dpo('kept-other', { model: whole.checkpoints.at(-1)! }), 2);
    await writeFile(
      join(folder, 'kept-other', 'training.json'),
      JSON.stringify({ key: (await dpo('kept-other')).key }),
    );
    for (const name of ['steps.jsonl', 'train.state']) await rm(join(folder, 'kept-other', name));
    const { checkpoints } = await train(dpo('kept-other'));
    expect(await weightsOf(checkpoints.at(-1))).toEqual(await weightsOf(whole.checkpoints.at(-1)));
  });

  it('drops a pair of which either completion is too long', async () => {
    const long = ' dog'.repeat(80);
    const [first, second] = [preferences[0]!, preferences[1]!];
    const mixed = [first, { ...second, chosen: long }, { ...second, rejected: long }];
    const { steps, dropped } = await train(dpo('dpo-mixed', { rows: mixed }));
    expect(dropped).toBe(2);
    const alone = await train(dpo('dpo-alone', { rows: [first] }));
    expect(steps.map(({ tokens }) => tokens)).toEqual(alone.steps.map(({ tokens }) => tokens));
  });
});

describe('LoRA', () => {
  const lora = { rank: 4, alpha: 8, targets: 'all-linear' } as const;
  const optimised = { ...optimisation, learningRate: 1e-2, lora };
  const adapterOf = async (checkpoint: string | undefined) => (await readAdapter(checkpoint!)).adapter.flat;

  it('lowers the loss and writes PEFT adapters of the model, with its tokenizer', async () => {
    const { checkpoints, steps } = await train(sft('lora', { optimisation: optimised }));
    expect(steps.at(-1)!.loss).toBeLessThan(0.9 * steps[0]!.loss);
    expect((await readdir(checkpoints[0]!)).sort()).toEqual([
      'adapter_config.json',
      'adapter_model.safetensors',
      'tokenizer.json',
      'tokenizer_config.json',
    ]);
    const { base, parameters } = await readAdapter(checkpoints.at(-1)!);
    expect(base).toBe(model);
    expect(parameters.flat).toEqual(await weightsOf(model));
    expect((await openCheckpoint(checkpoints.at(-1)!)).parameters.flat).not.toEqual(await weightsOf(model));
  });

  it('stopped half-way it ends the same, bit for bit', async () => {
    const job = (name: string) => dpo(name, { optimisation: optimised });
    const whole = await train(job('lora-whole'));
    const told = await trainUntil(job('lora-halves'), 7);
    const { checkpoints, steps } = await train(job('lora-halves'));
    expect(steps.slice(0, 7)).toEqual(told);
    expect(await adapterOf(checkpoints.at(-1))).toEqual(await adapterOf(whole.checkpoints.at(-1)));
  });

  it('trains an adapter on: it is the start and DPO’s reference', async () => {
    const first = await train(sft('lora-first', { optimisation: optimised }));
    const start = first.checkpoints.at(-1)!;
    const { steps, checkpoints } = await train(
      dpo('lora-second', { model: start, optimisation: optimised, nllWeight: 0 }),
    );
    expect(Math.abs(steps[0]!.margin!)).toBeLessThan(1e-4);
    expect((await readAdapter(checkpoints[0]!)).base).toBe(model);
    expect(await adapterOf(checkpoints[0])).not.toEqual(await adapterOf(start));
    // Without `lora`, the two are one model and all of it is trained.
    const { checkpoints: full } = await train(dpo('lora-then-full', { model: start }));
    expect((await weightsOf(full[0])).length).toBe((await weightsOf(model)).length);
  });

  it('merges on request, and copies and merges what it wrote', async () => {
    const job = (name: string, merge: boolean) =>
      sft(name, { optimisation: { ...optimised, lora: { ...lora, merge } } });
    const [apart, merged] = [await train(job('lora-apart', false)), await train(job('lora-merged', true))];
    const [adapter, whole] = [apart.checkpoints.at(-1)!, merged.checkpoints.at(-1)!];
    const expected = await weightsOf(whole);
    expect((await openCheckpoint(adapter)).parameters.flat).toEqual(expected);
    await copyCheckpoint(adapter, join(folder, 'copied'));
    expect(await adapterOf(join(folder, 'copied'))).toEqual(await adapterOf(adapter));
    await mergeCheckpoint(adapter, join(folder, 'merged'));
    expect(await weightsOf(join(folder, 'merged'))).toEqual(expected);
  });

  it('refuses targets, ranks and starts that do not fit', async () => {
    const refusal = async (change: object, start = model) => {
      const job = await sft('refused', { model: start });
      const settings = { ...optimised, lora: { ...lora, ...change } };
      return failureOf(Promise.resolve({ ...job, key: JSON.stringify(settings), optimisation: settings }));
    };
    expect((await refusal({ rank: 0 }))?.code).toBe('usage');
    expect((await refusal({ alpha: Number.NaN }))?.code).toBe('usage');
    expect((await refusal({ targets: [] }))?.code).toBe('usage');
    expect((await refusal({ targets: ['lm_head'] }))?.message).toContain('lm_head');
    const { checkpoints } = await train(sft('lora-start', { optimisation: optimised }));
    const other = await refusal({ rank: 8 }, checkpoints[0]);
    expect(other?.message).toContain('rank 4');
    expect(other?.remedy).toContain('merge');
  });
});

trainerContract('embedded', async (folder) => {
  const start = join(folder, 'M0');
  await writeStart(start);
  return { trainer: new EmbeddedTrainer(new Pool()), model: start, optimisation };
});
