import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { HalfParameters } from '../llama/parameters.ts';
import { SHAPES, TINY, tinyParameters, tokens } from '../llama/tiny.contract.ts';
import { Pool } from '../parallel/pool.ts';
import { openSafetensors } from '../safetensors.ts';
import { sequenceRandom } from '../sampling/random.ts';
import { GradientRunner } from '../training/gradients.ts';
import { microBatches, type Sequence } from '../training/sequence.ts';
import { logProbabilities, type OptimiserOptions, StepTrainer } from '../training/trainer.ts';
import { Adapter, initialiseAdapter, loraPairs } from './adapter.ts';
import { readAdapter } from './checkpoint.ts';
import { mergeAdapter } from './merge.ts';
import { LORA, tinyAdapter } from './tiny.contract.ts';

const options: OptimiserOptions = {
  learningRate: 1e-2,
  warmupSteps: 1,
  steps: 20,
  betas: [0.9, 0.95],
  weightDecay: 0.1,
  maxGradNorm: 1,
};
const sequences: Sequence[] = Array.from({ length: 10 }, (_, i) => ({
  ids: tokens(9 + ((i * 5) % 13), i),
  start: 1 + (i % 5),
}));

let pool: Pool;
beforeAll(() => {
  pool = new Pool();
});
afterAll(() => pool.close());

it('SFT has the loss and the gradients that PyTorch and PEFT have', async () => {
  const fixture = join(import.meta.dirname, '../../../fixtures/lora');
  const { parameters, adapter } = await readAdapter(join(fixture, 'adapter'));
  const expected = await openSafetensors(join(fixture, 'expected.safetensors'));
  try {
    const ids = [...(await expected.read('ids'))];
    const rows = [0, 1].map((row) => ({ ids: ids.slice(12 * row, 12 * row + 12), start: 5 }));
    const [batch] = microBatches(rows, { tokens: 64, unit: 1, padId: 2 });
    const micro = { ...batch!.micro, weights: batch!.micro.weights.map((weight) => weight / 14) };
    const runner = new GradientRunner(parameters, 1, { adapter });
    const gradient = new Float32Array(adapter.flat.length);
    const { loss } = await runner.run({ kind: 'sft', micro, first: true }, gradient);
    await runner.close();
    expect(loss).toBeCloseTo((await expected.read('loss'))[0]!, 4);
    let at = 0;
    for (const { name } of adapter.shapes) {
      const golden = await expected.read(name);
      const scale = Math.max(...golden.map(Math.abs));
      expect(scale).toBeGreaterThan(0);
      for (const [i, value] of golden.entries()) {
        expect(Math.abs(gradient[at + i]! - value) / scale, `${name}[${i}]`).toBeLessThan(1e-3);
      }
      at += golden.length;
    }
    expect(at).toBe(gradient.length);
  } finally {
    await expected.close();
  }
});

it('DPO has the gradients of the merged model by the chain rule', async () => {
  // W' = W + s B A, so dA = s Bᵀ dW' and dB = s dW' Aᵀ; losses.test.ts holds dW' against differences.
  const [parameters, adapter] = [tinyParameters(), tinyAdapter()];
  const merged = tinyParameters();
  await mergeAdapter(merged, adapter, 1);
  const [batch] = microBatches(sequences.slice(0, 4), { tokens: 512, unit: 2, padId: TINY.padTokenId });
  const task = {
    kind: 'dpo',
    micro: batch!.micro,
    first: true,
    beta: 0.3,
    reference: Float32Array.of(-2, 3),
    pairWeights: Float32Array.of(0.5, 0.5),
  } as const;
  const [whole, part] = [merged.zeros(), adapter.zeros()];
  const onWeights = new GradientRunner(merged, 1);
  const onAdapter = new GradientRunner(parameters, 1, { adapter });
  const expected = await onWeights.run(task, whole.flat);
  const found = await onAdapter.run(task, part.flat);
  await Promise.all([onWeights.close(), onAdapter.close()]);
  expect(found.loss).toBeCloseTo(expected.loss, 4);

  const { rank } = LORA;
  for (const { weight, a, b, input, output } of loraPairs(TINY, LORA)) {
    const dW = whole.get(weight);
    const dA = new Float64Array(rank * input);
    const dB = new Float64Array(output * rank);
    for (let o = 0; o < output; o++) {
      for (let r = 0; r < rank; r++) {
        for (let i = 0; i < input; i++) {
          dA[r * input + i]! += adapter.scale * adapter.get(b)[o * rank + r]! * dW[o * input + i]!;
          dB[o * rank + r]! += adapter.scale * dW[o * input + i]! * adapter.get(a)[r * input + i]!;
        }
      }
    }
    for (const [name, values] of [
      [a, dA],
      [b, dB],
    ] as const) {
      const scale = Math.max(...values.map(Math.abs));
      const worst = Math.max(...values.map((value, i) => Math.abs(part.get(name)[i]! - value)));
      expect(worst / scale, name).toBeLessThan(1e-3);
    }
  }
});

it('trains nothing but the adapter, with moments of its size only', async () => {
  const parameters = tinyParameters();
  const adapter = new Adapter(TINY, LORA);
  initialiseAdapter(adapter, sequenceRandom(1));
  const trainer = new StepTrainer(pool, parameters, options, { adapter });
  expect(trainer.adamw.m.length).toBe(adapter.flat.length);
  const losses: number[] = [];
  for (let step = 0; step < options.steps; step++) losses.push((await trainer.sft(sequences)).loss);
  expect(losses.at(-1)!).toBeLessThan(losses[0]! * 0.9);
  expect(parameters.flat).toEqual(tinyParameters().flat);
});

const NARROW = ['tied, one key head', 'biases everywhere', 'qwen3 with biases'];
it.each(SHAPES.filter(([name]) => NARROW.includes(name)))(
  '%s: on weights of 16 bits it takes the very steps that it takes on the same numbers in float32',
  async (_, change) => {
    const [wide, config] = [tinyParameters(change), { ...TINY, ...change }];
    const half = new HalfParameters(config);
    half.flat.set(wide.flat);
    wide.flat.set(half.flat);
    const outcomes = [];
    for (const parameters of [wide, half]) {
      const adapter = new Adapter(config, LORA);
      initialiseAdapter(adapter, sequenceRandom(1));
      const trainer = new StepTrainer(pool, parameters, options, { adapter });
      const steps = [await trainer.sft(sequences), await trainer.sft(sequences)];
      const [chosen, rejected] = [sequences[0]!, { ids: [...sequences[0]!.ids.slice(0, 6), 9], start: 1 }];
      steps.push(await trainer.dpo([{ chosen, rejected, referenceMargin: 1 }], 0.1, 0.5));
      outcomes.push({ steps, logp: await logProbabilities(pool, sequences, config), adapter: adapter.flat });
    }
    expect(outcomes[1]).toEqual(outcomes[0]);
  },
);

it('gives the log-probabilities of the merged model', async () => {
  const [parameters, adapter] = [tinyParameters(), tinyAdapter()];
  pool.load(parameters, { adapter });
  const found = await logProbabilities(pool, sequences, TINY);
  pool.load(parameters);
  const without = await logProbabilities(pool, sequences, TINY);
  await mergeAdapter(parameters, adapter, 1);
  pool.load(parameters);
  const expected = await logProbabilities(pool, sequences, TINY);
  for (const [i, value] of expected.entries()) {
    expect(Math.abs(found[i]! - value)).toBeLessThan(1e-3);
    expect(Math.abs(without[i]! - value)).toBeGreaterThan(0.1);
  }
});
