import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GOLDEN, type Golden, type GoldenTraining, readGolden } from './golden.contract.ts';
import { readCheckpoint } from './llama/checkpoint.ts';
import { allLogits } from './llama/logits.contract.ts';
import { Pool } from './parallel/pool.ts';
import { greedy } from './sampling/greedy.contract.ts';
import { tokenLogProbabilities } from './training/token-logp.contract.ts';
import { logProbabilities, type Preference, type StepResult, StepTrainer } from './training/trainer.ts';

let golden: Golden;
let tensors: Map<string, Float32Array>;
let pool: Pool;
beforeAll(async () => {
  ({ golden, tensors } = await readGolden());
  pool = new Pool();
});
afterAll(() => pool.close());

function expectNear(found: Float32Array, name: string, tolerance: number, relative = false): void {
  const expected = tensors.get(name)!;
  const scale = relative ? Math.max(...expected.map(Math.abs)) : 1;
  expect(found.length, name).toBe(expected.length);
  const worst = found.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i]!)), 0);
  expect(worst / scale, name).toBeLessThan(tolerance);
}

describe('fixtures/tiny-llama: as transformers', () => {
  it('logits and log-probabilities of tokens within 1e-4', async () => {
    const parameters = await readCheckpoint(GOLDEN);
    const logits = await allLogits(parameters, golden.sequences);
    const logp = await tokenLogProbabilities(parameters, golden.sequences);
    for (const i of golden.sequences.keys()) {
      expectNear(logits[i]!, `logits.${i}`, 1e-4);
      expectNear(logp[i]!, `logp.${i}`, 1e-4);
    }
  });

  it('64 greedy tokens are the same', async () => {
    expect(await greedy(await readCheckpoint(GOLDEN), golden.prompts, 64)).toEqual(golden.greedy);
  });
});

describe('fixtures/tiny-llama: as TRL', () => {
  type Step = (trainer: StepTrainer, begin: number) => Promise<StepResult>;

  /** Loss and gradients of the first batch within 1e-3, each of 50 steps within 1 %. */
  async function expectTraining(kind: 'sft' | 'dpo', rows: number, step: Step): Promise<void> {
    const { batch, steps, ...optimiser } = golden.settings;
    const expected: GoldenTraining = golden[kind];
    const parameters = await readCheckpoint(GOLDEN);
    const one = new StepTrainer(pool, parameters, { ...optimiser, steps, maxGradNorm: 1e9 });
    expect(Math.abs((await step(one, 0)).loss / expected.loss - 1)).toBeLessThan(1e-3);
    let at = 0;
    for (const { name } of parameters.shapes) {
      const size = parameters.get(name).length;
      // After one step without clipping the first moment is (1 − β₁) g.
      const gradient = one.adamw.m.subarray(at, at + size).map((m) => m / (1 - optimiser.betas[0]));
      expectNear(gradient, `${kind}.d.${name}`, 1e-3, true);
      at += size;
    }

    const trainer = new StepTrainer(pool, await readCheckpoint(GOLDEN), { ...optimiser, steps });
    expect(expected.log).toHaveLength(steps);
    for (const [i, line] of expected.log.entries()) {
      const found = await step(trainer, (i * batch) % rows);
      expect(found.learningRate).toBeCloseTo(line.learning_rate, 12);
      expect(Math.abs(found.loss / line.loss - 1), `step ${i + 1}`).toBeLessThan(0.01);
      expect(Math.abs(found.gradNorm / line.grad_norm - 1), `step ${i + 1}`).toBeLessThan(0.01);
    }
  }

  const sequence = (prompt: readonly number[], completion: readonly number[]) => {
    return { ids: [...prompt, ...completion], start: prompt.length };
  };

  it('SFT', async () => {
    const { batch } = golden.settings;
    const rows = golden.sftRows.map(([prompt, completion]) => sequence(prompt, completion));
    await expectTraining('sft', rows.length, (trainer, begin) =>
      trainer.sft(rows.slice(begin, begin + batch)),
    );
  });

  it('DPO with an NLL term', async () => {
    const { batch, beta, nllWeight } = golden.settings;
    const rows = golden.dpoRows.map(([prompt, chosen, rejected]) => {
      return { chosen: sequence(prompt, chosen), rejected: sequence(prompt, rejected) };
    });
    const parameters = await readCheckpoint(GOLDEN);
    pool.load(parameters);
    const flat = rows.flatMap(({ chosen, rejected }) => [chosen, rejected]);
    const logp = await logProbabilities(pool, flat, parameters.config);
    const pairs = rows.map((row, i): Preference => {
      return { ...row, referenceMargin: logp[2 * i]! - logp[2 * i + 1]! };
    });
    await expectTraining('dpo', rows.length, (trainer, begin) =>
      trainer.dpo(pairs.slice(begin, begin + batch), beta, nllWeight),
    );
  });
});
