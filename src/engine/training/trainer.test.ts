import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CheckpointError } from '../errors.ts';
import { exactWeights, TINY, tinyParameters, tokens } from '../llama/tiny.contract.ts';
import { Pool } from '../parallel/pool.ts';
import { GradientRunner } from './gradients.ts';
import { referenceDpo, referenceLogProbabilities, referenceSft, sumOf } from './reference.contract.ts';
import { microBatches, type Sequence } from './sequence.ts';
import { readTrainState, writeTrainState } from './state.ts';
import { logProbabilities, type OptimiserOptions, type Preference, StepTrainer } from './trainer.ts';

const options: OptimiserOptions = {
  learningRate: 1e-3,
  warmupSteps: 2,
  steps: 6,
  betas: [0.9, 0.95],
  weightDecay: 0.1,
  maxGradNorm: 1,
};
const unclipped = { ...options, maxGradNorm: 1e9 };

/** More than one micro-batch's worth: both workers have some. */
const many: Sequence[] = Array.from({ length: 48 }, (_, i) => ({
  ids: tokens(10 + ((i * 11) % 41), i),
  start: 1 + (i % 8),
}));
const preferences: Preference[] = Array.from({ length: 20 }, (_, i) => {
  const prompt = tokens(3 + (i % 9), 500 + i);
  const completion = (seed: number) => [...prompt, ...tokens(5 + ((i * 7 + seed) % 30), 600 + 2 * i + seed)];
  return {
    chosen: { ids: completion(0), start: prompt.length },
    rejected: { ids: completion(1), start: prompt.length },
    referenceMargin: (i % 5) - 2,
  };
});

let pool: Pool;
beforeAll(() => {
  pool = new Pool();
});
afterAll(() => pool.close());

const gradientOf = ({ adamw }: StepTrainer) => {
  expect(adamw.updates).toBe(1);
  // After one step m = (1 − β₁) g.
  return Float64Array.from(adamw.m, (value) => value / (1 - 0.9));
};

function expectClose(found: ArrayLike<number>, expected: Float64Array, tolerance: number): void {
  const scale = Math.max(...expected.map(Math.abs));
  let worst = 0;
  for (let i = 0; i < expected.length; i++) worst = Math.max(worst, Math.abs(found[i]! - expected[i]!));
  expect(found.length).toBe(expected.length);
  expect(worst / scale).toBeLessThan(tolerance);
}

describe('StepTrainer', () => {
  it('SFT over both workers is the weighted mean over all completion tokens', async () => {
    const parameters = tinyParameters();
    const weighted = many.map((sequence, i): Sequence => {
      const weights = sequence.ids.slice(sequence.start).map((_, t) => t % 3);
      return i % 4 === 0 ? { ...sequence, weights } : sequence;
    });
    const expected = referenceSft(TINY, exactWeights(parameters), weighted);
    // The gradient of the whole is the sum of the sequences' own (each held against differences in losses.test.ts).
    const runner = new GradientRunner(tinyParameters(), 1);
    const weightOf = ({ ids, start, weights }: Sequence) => (weights ? sumOf(weights) : ids.length - start);
    const total = sumOf(weighted.map(weightOf));
    const gradient = new Float64Array(parameters.flat.length);
    for (const sequence of weighted) {
      const micros = microBatches([sequence], { tokens: 64, unit: 1, padId: 2 });
      const part = new Float32Array(gradient.length);
      await runner.run({ kind: 'sft', micro: micros[0]!.micro, first: true }, part);
      for (let i = 0; i < part.length; i++) gradient[i]! += part[i]! / total;
    }
    await runner.close();

    const trainer = new StepTrainer(pool, parameters, unclipped);
    const result = await trainer.sft(weighted);
    expect(result.loss).toBeCloseTo(expected, 4);
    expect(result.tokens).toBe(sumOf(many.map(({ ids }) => ids.length)));
    expectClose(gradientOf(trainer), gradient, 1e-4);
    expect(result.gradNorm).toBeCloseTo(Math.hypot(...gradient), 3);
    // The first of two steps of warm-up; the second has half the peak.
    expect(result.learningRate).toBe(0);
    expect((await trainer.sft(weighted)).learningRate).toBeCloseTo(5e-4, 12);
  });

  it('DPO over both workers is eq. 7 plus the NLL term, and reports its margins', async () => {
    const parameters = tinyParameters();
    const exact = exactWeights(parameters);
    const logp = (sequence: Sequence) => sumOf(referenceLogProbabilities(TINY, exact, sequence));
    const [beta, nllWeight] = [0.1, 0.5];
    const expected = referenceDpo(TINY, exact, preferences, beta, nllWeight);
    const chosen = preferences.map((pair) => logp(pair.chosen));
    const rejected = preferences.map((pair) => logp(pair.rejected));
    const margins = preferences.map(({ referenceMargin }, p) => chosen[p]! - rejected[p]! - referenceMargin);

    const trainer = new StepTrainer(pool, parameters, unclipped);
    const result = await trainer.dpo(preferences, beta, nllWeight);
    const count = preferences.length;
    expect(result.loss).toBeCloseTo(expected, 4);
    expect(result.margin).toBeCloseTo((beta * sumOf(margins)) / count, 4);
    expect(result.chosenLogp).toBeCloseTo(sumOf(chosen) / count, 3);
    expect(result.rejectedLogp).toBeCloseTo(sumOf(rejected) / count, 3);
    const accuracy = margins.filter((margin) => margin > 0).length / count;
    expect(accuracy).toBeGreaterThan(0);
    expect(accuracy).toBeLessThan(1);
    expect(result.accuracy).toBeCloseTo(accuracy, 12);

    // By the chain rule: ∂L/∂log π(chosen_p) = −β σ(−β margin_p) / P − nll share, and + for the rejected without it.
    const tokensOf = ({ ids, start }: Sequence) => ids.length - start;
    const chosenTokens = sumOf(preferences.map((pair) => tokensOf(pair.chosen)));
    const runner = new GradientRunner(tinyParameters(), 1);
    const gradient = new Float64Array(parameters.flat.length);
    for (const [p, pair] of preferences.entries()) {
      const push = beta / (1 + Math.exp(beta * margins[p]!)) / count;
      const terms = [
        [pair.chosen, push + nllWeight / chosenTokens],
        [pair.rejected, -push],
      ] as const;
      for (const [sequence, weight] of terms) {
        const weights = new Array<number>(tokensOf(sequence)).fill(weight);
        const micros = microBatches([{ ...sequence, weights }], { tokens: 64, unit: 1, padId: 2 });
        const part = new Float32Array(gradient.length);
        await runner.run({ kind: 'sft', micro: micros[0]!.micro, first: true }, part);
        for (let i = 0; i < part.length; i++) gradient[i]! += part[i]!;
      }
    }
    await runner.close();
    expectClose(gradientOf(trainer), gradient, 1e-3);
  });

  it('clips the gradient to the norm', async () => {
    const trainer = new StepTrainer(pool, tinyParameters(), { ...options, maxGradNorm: 0.01 });
    const { gradNorm } = await trainer.sft(many);
    expect(gradNorm).toBeGreaterThan(0.1);
    expect(Math.hypot(...gradientOf(trainer))).toBeCloseTo(0.01, 5);
  });

  it('lowers the loss it is trained on', async () => {
    const trainer = new StepTrainer(pool, tinyParameters(), { ...options, steps: 30 });
    const losses: number[] = [];
    for (let step = 0; step < 30; step++) losses.push((await trainer.sft(many.slice(0, 6))).loss);
    expect(losses.at(-1)!).toBeLessThan(losses[0]! * 0.9);
  });
});

describe('logProbabilities', () => {
  it('are the reference’s, and no neighbour or padding moves one by more than 1e-4', async () => {
    const parameters = tinyParameters();
    const exact = exactWeights(parameters);
    pool.load(parameters);
    const together = await logProbabilities(pool, many, TINY);
    const reversed = (await logProbabilities(pool, many.toReversed(), TINY)).toReversed();
    for (const [i, sequence] of many.entries()) {
      expect(Math.abs(together[i]! - reversed[i]!)).toBeLessThan(1e-4);
      if (i % 6 !== 0) continue;
      const [alone] = await logProbabilities(pool, [sequence], TINY);
      expect(Math.abs(together[i]! - alone!)).toBeLessThan(1e-4);
      // Another sequence of the model's full length pads it to the end.
      const long = { ids: tokens(64, 9), start: 2 };
      const [padded] = await logProbabilities(pool, [sequence, long], TINY);
      expect(Math.abs(padded! - alone!)).toBeLessThan(1e-4);
      const expected = sumOf(referenceLogProbabilities(TINY, exact, sequence));
      expect(Math.abs(alone! - expected)).toBeLessThan(1e-3);
    }
  });

  it('are taken from what was kept of them, slice by slice, and the rest is the same bits', async () => {
    pool.load(tinyParameters());
    const all = Array.from({ length: 60 }, () => many).flat();
    const slices = new Map<number, Float64Array>();
    const kept = {
      get: (slice: number) => slices.get(slice),
      put: (slice: number, values: Float64Array) => void slices.set(slice, values),
    };
    const whole = await logProbabilities(pool, all, TINY, undefined, 1, kept);
    expect(slices.size).toBeGreaterThan(2);
    slices.delete(1);
    expect(await logProbabilities(pool, all, TINY, undefined, 1, kept)).toEqual(whole);
    slices.get(0)![0] = 7;
    expect([...(await logProbabilities(pool, all, TINY, undefined, 1, kept))]).toContain(7);
  });

  it('a step that is aborted before its update changes nothing, and the next is as if it had not been', async () => {
    const two = { ...options, steps: 2 };
    const [parameters, alone] = [tinyParameters(), tinyParameters()];
    const trainer = new StepTrainer(pool, parameters, two);
    const before = parameters.flat.slice();
    const controller = new AbortController();
    const reason = new Error('enough');
    const step = trainer.sft([...many, ...many, ...many], controller.signal);
    controller.abort(reason);
    await expect(step).rejects.toBe(reason);
    expect(parameters.flat).toEqual(before);
    expect(trainer.adamw.updates).toBe(0);
    const result = await trainer.sft(many);
    expect(await new StepTrainer(pool, alone, two).sft(many)).toEqual(result);
    expect(parameters.flat).toEqual(alone.flat);
  });

  it('leave the weights alone and stop at a signal', async () => {
    const parameters = tinyParameters();
    const before = parameters.flat.slice();
    pool.load(parameters);
    const reason = new Error('enough');
    await expect(logProbabilities(pool, many, TINY, AbortSignal.abort(reason))).rejects.toBe(reason);
    await logProbabilities(pool, many, TINY);
    expect(parameters.flat).toEqual(before);
  });
});

describe('training state', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evalplanner-state-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const batch = (step: number) => many.slice(step * 8, step * 8 + 8);
  const train = async (trainer: StepTrainer, until: number) => {
    while (trainer.adamw.updates < until) {
      if (trainer.adamw.updates % 2 === 0) await trainer.sft(batch(trainer.adamw.updates));
      else await trainer.dpo(preferences.slice(0, 6), 0.1, 0.5);
    }
  };

  it('a run is deterministic, and one that stops and goes on from its state ends bit for bit the same', async () => {
    const [whole, again, half] = [tinyParameters(), tinyParameters(), tinyParameters()];
    await train(new StepTrainer(pool, whole, options), 6);
    await train(new StepTrainer(pool, again, options), 6);
    expect(again.flat).toEqual(whole.flat);
    expect(whole.flat).not.toEqual(half.flat);

    const path = join(folder, 'run.state');
    const stopped = new StepTrainer(pool, half, options);
    await train(stopped, 3);
    await writeTrainState(path, half, stopped.adamw);
    const resumed = tinyParameters();
    const trainer = new StepTrainer(pool, resumed, options);
    expect(await readTrainState(path, resumed, trainer.adamw)).toBe(true);
    expect(trainer.adamw.updates).toBe(3);
    expect(resumed.flat).toEqual(half.flat);
    expect(trainer.adamw.m).toEqual(stopped.adamw.m);
    expect(trainer.adamw.v).toEqual(stopped.adamw.v);
    await train(trainer, 6);
    expect(resumed.flat).toEqual(whole.flat);
  });

  it('no file: nothing is read and nothing changes', async () => {
    const parameters = tinyParameters();
    const before = parameters.flat.slice();
    const trainer = new StepTrainer(pool, parameters, options);
    expect(await readTrainState(join(folder, 'none'), parameters, trainer.adamw)).toBe(false);
    expect(parameters.flat).toEqual(before);
    expect(trainer.adamw.updates).toBe(0);
  });

  it('a state that cannot be written is a disk error', async () => {
    const parameters = tinyParameters();
    const trainer = new StepTrainer(pool, parameters, options);
    const path = join(folder, 'missing', 'run.state');
    const failure = await writeTrainState(path, parameters, trainer.adamw).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CheckpointError);
    expect((failure as CheckpointError).kind).toBe('disk');
  });
});
