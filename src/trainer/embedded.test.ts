import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCheckpoint, writeCheckpoint } from '../engine/llama/checkpoint.ts';
import { tinyParameters } from '../engine/llama/tiny.contract.ts';
import { readAdapter } from '../engine/lora/checkpoint.ts';
import { Pool } from '../engine/parallel/pool.ts';
import { EvalPlannerError } from '../errors.ts';
import { copyCheckpoint, mergeCheckpoint, openCheckpoint } from '../model/local/checkpoint.ts';
import { EOS_ID, tokenizerConfig, tokenizerJson, VOCAB } from '../playground/tokenizer.ts';
import type { DpoJob, LogProbabilityCache, Optimisation, SftJob, TrainJob, TrainStep } from '../trainer.ts';
import { EmbeddedTrainer } from './embedded.ts';

const optimisation: Optimisation = {
  learningRate: 3e-3,
  warmupSteps: 1,
  weightDecay: 0.1,
  betas: [0.9, 0.95],
  maxGradNorm: 1,
  epochs: 3,
  batchSize: 4,
  maxLength: 64,
  seed: 5,
  checkpoints: 3,
};

let folder: string;
let model: string;
let pool: Pool;
let trainer: EmbeddedTrainer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evalplanner-train-'));
  model = join(folder, 'M0');
  const change = {
    vocabSize: VOCAB.length,
    numHiddenLayers: 1,
    bosTokenId: 1,
    eosTokenIds: [EOS_ID],
    padTokenId: 0,
  };
  await writeCheckpoint(model, tinyParameters(change), {
    extraFiles: {
      'tokenizer.json': JSON.stringify(tokenizerJson()),
      'tokenizer_config.json': JSON.stringify(tokenizerConfig()),
    },
  });
  pool = new Pool();
  trainer = new EmbeddedTrainer(pool);
});
afterAll(async () => {
  await pool.close();
  await rm(folder, { recursive: true, force: true });
});

const rows = Array.from({ length: 14 }, (_, i) => ({
  prompt: `Instruction: List ${i % 5} animals. <A> ${'a '.repeat(i % 4)}b <B> c <judge>`,
  completion: ` <plan> Count ${i}. </plan> <exec> ${i} ok. </exec> [[${'AB'[i % 2]}]]`,
}));
const preferences = rows.map(({ prompt, completion }, i) => ({
  prompt,
  chosen: completion,
  rejected: ` <plan> Count ${i}. </plan> <exec> no. </exec> [[${'BA'[i % 2]}]]`,
}));
const sft = (name: string, more: Partial<SftJob> = {}): SftJob => {
  return { kind: 'sft', model, out: join(folder, name), rows, optimisation, ...more };
};
const dpo = (name: string, more: Partial<DpoJob> = {}): DpoJob => {
  const method = { kind: 'dpo' as const, rows: preferences, beta: 0.1, nllWeight: 0.5 };
  return { model, out: join(folder, name), optimisation, ...method, ...more };
};
const weightsOf = async (checkpoint: string | undefined) => (await readCheckpoint(checkpoint!)).flat;
const failureOf = (job: TrainJob) =>
  trainer.train(job).then(
    () => undefined,
    (error: unknown) => error as EvalPlannerError,
  );

/** Train, and abort once so many steps of this call are done. */
async function trainUntil(job: TrainJob, count: number): Promise<TrainStep[]> {
  const controller = new AbortController();
  const steps: TrainStep[] = [];
  const onStep = (step: TrainStep) => {
    steps.push(step);
    if (steps.length === count) controller.abort();
  };
  await expect(trainer.train(job, onStep, controller.signal)).rejects.toThrow(/abort/i);
  return steps;
}

describe('SFT', () => {
  it('lowers the loss, tells every step and writes complete checkpoints', async () => {
    const told: TrainStep[] = [];
    const { checkpoints, steps } = await trainer.train(sft('told'), (step) => told.push(step));
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
    expect((await readdir(folder)).filter((name) => name.endsWith('.state'))).toEqual([]);
  });

  it('every row is seen once an epoch', async () => {
    const { steps } = await trainer.train(sft('seen'));
    const epochs = [0, 4, 8].map((at) =>
      steps.slice(at, at + 4).reduce((sum, { tokens }) => sum + tokens, 0),
    );
    expect(new Set(epochs).size).toBe(1);
  });

  it('aborted and run again, it ends with the weights of an uninterrupted run, bit for bit', async () => {
    const whole = await trainer.train(sft('whole'));
    await trainUntil(sft('halves'), 6);
    const { checkpoints, steps } = await trainer.train(sft('halves'));
    expect(steps.map(({ step }) => step)).toEqual([7, 8, 9, 10, 11, 12]);
    for (const [i, checkpoint] of checkpoints.entries()) {
      expect(await weightsOf(checkpoint)).toEqual(await weightsOf(whole.checkpoints[i]));
    }
    expect(steps.map(({ loss }) => loss)).toEqual(whole.steps.slice(6).map(({ loss }) => loss));
  });

  it('never goes on from a state of other rows or settings, and leaves none behind', async () => {
    for (const [i, change] of [
      { rows: rows.slice(0, 6) },
      { optimisation: { ...optimisation, epochs: 1 } },
    ].entries()) {
      await trainUntil(sft(`changed-${i}`), 5);
      const { checkpoints, steps } = await trainer.train(sft(`changed-${i}`, change));
      expect(steps[0]?.step).toBe(1);
      const fresh = await trainer.train(sft(`fresh-${i}`, change));
      expect(await weightsOf(checkpoints.at(-1))).toEqual(await weightsOf(fresh.checkpoints.at(-1)));
    }
    expect((await readdir(folder)).filter((name) => name.endsWith('.state'))).toEqual([]);
  });

  it('drops rows that are too long, as if they were not there', async () => {
    const long = { prompt: rows[0]!.prompt, completion: ' dog'.repeat(80) };
    const kept = rows.slice(0, 6);
    const [without, among] = [
      await trainer.train(sft('without', { rows: kept })),
      await trainer.train(sft('among', { rows: [...kept, long] })),
    ];
    expect([without.dropped, among.dropped]).toEqual([0, 1]);
    expect(among.steps.map(({ loss, tokens }) => [loss, tokens])).toEqual(
      without.steps.map(({ loss, tokens }) => [loss, tokens]),
    );
    // The limit itself still fits: prompt, completion and the end token.
    const { steps } = await trainer.train(
      sft('exact', { rows: [{ prompt: ' dog'.repeat(3), completion: ' dog'.repeat(60) }] }),
    );
    expect(steps[0]?.tokens).toBe(64);
    const over = [{ prompt: ' dog'.repeat(3), completion: ' dog'.repeat(61) }];
    expect(await failureOf(sft('over', { rows: over }))).toBeInstanceOf(EvalPlannerError);
  });

  it('says so when there is nothing to train on, or no model to start from', async () => {
    const nothing = await failureOf(sft('nothing', { rows: [] }));
    expect(nothing).toBeInstanceOf(EvalPlannerError);
    expect(nothing?.code).toBe('data');
    expect(nothing?.message).toMatch(/nothing to train/);
    expect(nothing?.remedy).toMatch(/64 tokens/);
    expect((await failureOf(dpo('nothing', { rows: [] })))?.code).toBe('data');
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
    const left = await readdir(folder);
    expect(left.filter((name) => name.startsWith(out))).toEqual([expect.stringMatching(/\.state$/)]);
    // What the remedy says is what happens.
    expect(failure?.remedy).toContain('starts over');
    const { steps } = await trainer.train((kind === 'sft' ? sft : dpo)(out));
    expect(steps[0]?.step).toBe(1);
  },
);

describe('DPO', () => {
  it('starts at its reference: margin 0 and loss log 2 + NLL', async () => {
    const optimised = { ...optimisation, epochs: 1, batchSize: rows.length, checkpoints: 1 };
    const { steps } = await trainer.train(dpo('start', { nllWeight: 0, optimisation: optimised }));
    expect(Math.abs(steps[0]!.margin!)).toBeLessThan(1e-4);
    expect(steps[0]!.loss).toBeCloseTo(Math.log(2), 4);
    // The NLL of the chosen completions is what SFT on the same rows starts with.
    const nll = (await trainer.train(sft('nll', { optimisation: optimised }))).steps[0]!.loss;
    const both = await trainer.train(dpo('both', { nllWeight: 0.5, optimisation: optimised }));
    expect(both.steps[0]!.loss).toBeCloseTo(Math.log(2) + 0.5 * nll, 4);
  });

  it('widens the margin, and stopped half-way it ends the same, its reference still the start', async () => {
    const whole = await trainer.train(dpo('dpo-whole'));
    expect(whole.steps.at(-1)!.margin).toBeGreaterThan(0.1);
    expect(whole.steps.at(-1)!.accuracy).toBe(1);
    await trainUntil(dpo('dpo-halves'), 9);
    const { checkpoints, steps } = await trainer.train(dpo('dpo-halves'));
    expect(steps[0]?.step).toBe(10);
    expect(await weightsOf(checkpoints.at(-1))).toEqual(await weightsOf(whole.checkpoints.at(-1)));
  });

  it('takes the reference from the cache where it was computed before, and only there', async () => {
    const known = new Map<string, Float64Array>();
    let hits = 0;
    const cache: LogProbabilityCache = {
      logProbabilities(key) {
        const found = known.get(key);
        if (found) hits++;
        return found;
      },
      putLogProbabilities: (key, values) => known.set(key, values),
    };
    const whole = await trainer.train(dpo('cache-whole'));
    await trainUntil(dpo('cache-halves', { cache }), 4);
    expect([known.size, hits]).toEqual([1, 0]);
    const { checkpoints, steps } = await trainer.train(dpo('cache-halves', { cache }));
    expect([known.size, hits]).toEqual([1, 1]);
    expect(steps[0]?.step).toBe(5);
    expect(await weightsOf(checkpoints.at(-1))).toEqual(await weightsOf(whole.checkpoints.at(-1)));
    // Other rows, or another start: another reference.
    await trainer.train(dpo('cache-rows', { cache, rows: preferences.slice(1) }));
    await trainer.train(dpo('cache-start', { cache, model: checkpoints.at(-1)! }));
    expect([known.size, hits]).toEqual([3, 1]);
    const stopped = trainer.train(
      dpo('cache-stopped', { cache, rows: preferences.slice(2) }),
      undefined,
      AbortSignal.abort(),
    );
    await expect(stopped).rejects.toThrow(/abort/i);
    expect(known.size).toBe(3);
  });

  it('drops a pair of which either completion is too long', async () => {
    const long = ' dog'.repeat(80);
    const [first, second] = [preferences[0]!, preferences[1]!];
    const mixed = [first, { ...second, chosen: long }, { ...second, rejected: long }];
    const { steps, dropped } = await trainer.train(dpo('dpo-mixed', { rows: mixed }));
    expect(dropped).toBe(2);
    const alone = await trainer.train(dpo('dpo-alone', { rows: [first] }));
    expect(steps.map(({ tokens }) => tokens)).toEqual(alone.steps.map(({ tokens }) => tokens));
  });
});

describe('LoRA', () => {
  const lora = { rank: 4, alpha: 8, targets: 'all-linear' } as const;
  const optimised = { ...optimisation, learningRate: 1e-2, lora };
  const adapterOf = async (checkpoint: string | undefined) => (await readAdapter(checkpoint!)).adapter.flat;

  it('lowers the loss and writes PEFT adapters of the model, with its tokenizer', async () => {
    const { checkpoints, steps } = await trainer.train(sft('lora', { optimisation: optimised }));
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
    const whole = await trainer.train(job('lora-whole'));
    await trainUntil(job('lora-halves'), 7);
    const { checkpoints, steps } = await trainer.train(job('lora-halves'));
    expect(steps[0]?.step).toBe(8);
    expect(await adapterOf(checkpoints.at(-1))).toEqual(await adapterOf(whole.checkpoints.at(-1)));
  });

  it('trains an adapter on: it is the start and DPO’s reference', async () => {
    const first = await trainer.train(sft('lora-first', { optimisation: optimised }));
    const start = first.checkpoints.at(-1)!;
    const { steps, checkpoints } = await trainer.train(
      dpo('lora-second', { model: start, optimisation: optimised, nllWeight: 0 }),
    );
    expect(Math.abs(steps[0]!.margin!)).toBeLessThan(1e-4);
    expect((await readAdapter(checkpoints[0]!)).base).toBe(model);
    expect(await adapterOf(checkpoints[0])).not.toEqual(await adapterOf(start));
    // Without `lora`, the two are one model and all of it is trained.
    const { checkpoints: full } = await trainer.train(dpo('lora-then-full', { model: start }));
    expect((await weightsOf(full[0])).length).toBe((await weightsOf(model)).length);
  });

  it('merges on request, and copies and merges what it wrote', async () => {
    const job = (name: string, merge: boolean) =>
      sft(name, { optimisation: { ...optimised, lora: { ...lora, merge } } });
    const [apart, merged] = [
      await trainer.train(job('lora-apart', false)),
      await trainer.train(job('lora-merged', true)),
    ];
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
      const job = { model: start, optimisation: { ...optimised, lora: { ...lora, ...change } } };
      return failureOf(sft('refused', job));
    };
    expect((await refusal({ rank: 0 }))?.code).toBe('usage');
    expect((await refusal({ alpha: Number.NaN }))?.code).toBe('usage');
    expect((await refusal({ targets: [] }))?.code).toBe('usage');
    expect((await refusal({ targets: ['lm_head'] }))?.message).toContain('lm_head');
    const { checkpoints } = await trainer.train(sft('lora-start', { optimisation: optimised }));
    const other = await refusal({ rank: 8 }, checkpoints[0]);
    expect(other?.message).toContain('rank 4');
    expect(other?.remedy).toContain('merge');
  });
});
