import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LlamaConfig } from '../llama/config.ts';
import type { Parameters } from '../llama/parameters.ts';
import { exactWeights, TINY, tinyParameters, tokens } from '../llama/tiny.contract.ts';
import type { GradientTask } from '../parallel/protocol.ts';
import { GradientRunner } from './gradients.ts';
import { addLogProbabilities } from './log-probabilities.ts';
import { vocabularyChunks } from './losses.ts';
import { differences, referenceDpo, referenceSft } from './reference.contract.ts';
import { microBatches, type Sequence, TARGET_STEP } from './sequence.ts';

const sequence = (length: number, start: number, seed: number): Sequence => ({
  ids: tokens(length, seed),
  start,
});
const layOut = (sequences: readonly Sequence[], unit: 1 | 2) => {
  const [only, ...more] = microBatches(sequences, { tokens: 4096, unit, padId: TINY.padTokenId });
  expect(more).toEqual([]);
  return only!;
};

/** Each gradient must be the derivative of the float64 formula, relative to the largest of its tensor. */
function expectGradients(
  parameters: Parameters,
  gradient: Float32Array,
  loss: () => number,
  exact: ReadonlyMap<string, Float64Array>,
): void {
  let at = 0;
  const expected = differences(exact, loss, 5);
  for (const { name } of parameters.shapes) {
    const size = parameters.get(name).length;
    const part = gradient.subarray(at, at + size);
    const scale = Math.max(...part.map(Math.abs));
    expect(scale, name).toBeGreaterThan(1e-4);
    for (const [index, derivative] of expected.get(name)!) {
      expect(Math.abs(part[index]! - derivative) / scale, `${name}[${index}]`).toBeLessThan(1e-3);
    }
    at += size;
  }
  expect(at).toBe(gradient.length);
}

describe.each<[string, Partial<LlamaConfig>, number?]>([
  ['untied, 4 heads on 2', {}],
  ['tied, one key head', { tieWordEmbeddings: true, numKeyValueHeads: 1, numHiddenLayers: 1 }],
  [
    'a window in one layer',
    {
      slidingWindow: 3,
      layers: [
        { sliding: true, rotated: true },
        { sliding: false, rotated: true },
      ],
    },
  ],
  ['untied, logits of 16 targets at a time', {}, 16 * TINY.vocabSize],
  [
    'tied, logits of 8 targets at a time',
    { tieWordEmbeddings: true, numHiddenLayers: 1 },
    8 * TINY.vocabSize,
  ],
])('%s', (_, change, logits) => {
  const config = { ...TINY, ...change };
  const parameters = tinyParameters(change);
  const exact = exactWeights(parameters);
  let runner: GradientRunner;
  beforeAll(() => {
    runner = new GradientRunner(parameters, 1, { logits });
  });
  afterAll(() => runner.close());

  const run = async (task: Omit<GradientTask, 'first'>) => {
    const gradient = new Float32Array(parameters.flat.length).fill(7);
    const result = await runner.run({ ...task, first: true }, gradient);
    return { ...result, gradient };
  };

  it('SFT: the weighted mean over completion tokens, and its gradient', async () => {
    const sequences = [sequence(9, 4, 1), sequence(5, 1, 2), { ...sequence(6, 3, 3), weights: [0.5, 0, 3] }];
    const { micro } = layOut(sequences, 1);
    const total = micro.weights.reduce((a, b) => a + b, 0);
    expect(total).toBe(5 + 4 + 3.5);
    for (let r = 0; r < micro.targets; r++) micro.weights[r]! /= total;
    const { loss, gradient } = await run({ kind: 'sft', micro });
    const formula = () => referenceSft(config, exact, sequences);
    expect(loss).toBeCloseTo(formula(), 4);
    expectGradients(parameters, gradient, formula, exact);
  });

  it('DPO: eq. 7 with an NLL term on the chosen tokens, and its gradient', async () => {
    const pairs = [
      { chosen: sequence(8, 3, 4), rejected: sequence(6, 3, 5), referenceMargin: -6 },
      { chosen: sequence(7, 5, 6), rejected: sequence(9, 5, 7), referenceMargin: 8 },
    ];
    const [beta, nllWeight, chosenTokens] = [0.3, 0.7, 5 + 2];
    const { micro, indices } = layOut(
      pairs.flatMap(({ chosen, rejected }) => [
        { ...chosen, weights: chosen.ids.slice(chosen.start).map(() => nllWeight / chosenTokens) },
        { ...rejected, weights: rejected.ids.slice(rejected.start).map(() => 0) },
      ]),
      2,
    );
    const reference = Float32Array.from([0, 1], (p) => pairs[indices[2 * p]! / 2]!.referenceMargin);
    const pairWeights = Float32Array.of(0.5, 0.5);
    const { loss, gradient } = await run({ kind: 'dpo', micro, beta, reference, pairWeights });
    const formula = () => referenceDpo(config, exact, pairs, beta, nllWeight);
    expect(loss).toBeCloseTo(formula(), 4);
    expectGradients(parameters, gradient, formula, exact);
  });
});

/** Pairs of sequences must give the same in common rows as apart: log-probabilities and gradients. */
async function expectSame(
  runner: GradientRunner,
  parameters: Parameters,
  pairs: readonly Sequence[],
): Promise<void> {
  const evaluate = async (unit: 1 | 2) => {
    const { micro, indices } = layOut(pairs, unit);
    const gradient = new Float32Array(parameters.flat.length);
    const { logp } = await runner.run({ kind: 'sft', micro, first: true }, gradient);
    const logps = new Float64Array(pairs.length);
    addLogProbabilities(micro, indices, logp, logps);
    return { logps, gradient };
  };
  const [together, apart] = [await evaluate(2), await evaluate(1)];
  for (const [i, logp] of apart.logps.entries())
    expect(Math.abs(together.logps[i]! - logp)).toBeLessThan(1e-4);
  const scale = Math.max(...apart.gradient.map(Math.abs));
  const worst = Math.max(...apart.gradient.map((value, i) => Math.abs(value - together.gradient[i]!)));
  expect(worst / scale).toBeLessThan(1e-3);
}

it.each<[string, Partial<LlamaConfig>, number]>([
  ['all of a text seen', {}, 25],
  [
    'a window',
    {
      slidingWindow: 7,
      layers: [
        { sliding: true, rotated: true },
        { sliding: true, rotated: true },
      ],
    },
    15,
  ],
])(
  'sequences that begin alike give the same in one row as apart: log-probabilities and gradients, %s',
  async (_, change, numRuns) => {
    const parameters = tinyParameters(change);
    const runner = new GradientRunner(parameters, 1);
    const length = fc.integer({ min: 0, max: 12 });
    const pair = fc
      .record({
        shared: fc.integer({ min: 1, max: 20 }),
        start: fc.nat(8),
        rests: fc.tuple(length, length),
        seed: fc.nat(99),
      })
      .map(({ shared, start, rests, seed }) =>
        rests.map((rest, i): Sequence => {
          const ids = [...tokens(shared, seed), ...tokens(rest + 1, 100 + 2 * seed + i)];
          const from = Math.min(1 + start, shared);
          return { ids, start: from, weights: ids.slice(from).map((_, t) => (t % 3) - i) };
        }),
      );
    await fc.assert(
      fc.asyncProperty(fc.array(pair, { minLength: 1, maxLength: 5 }), (pairs) =>
        expectSame(runner, parameters, pairs.flat()),
      ),
      { numRuns },
    );
    await runner.close();
  },
);

it('a sequence of several blocks of attention has the reference’s loss', async () => {
  const parameters = tinyParameters();
  const runner = new GradientRunner(parameters, 1);
  const long = sequence(530, 500, 3);
  const { micro } = layOut([long], 1);
  expect(micro.length).toBe(544);
  const { loss } = await runner.run(
    { kind: 'sft', micro, first: true },
    new Float32Array(parameters.flat.length),
  );
  expect(loss / 30).toBeCloseTo(referenceSft(TINY, exactWeights(parameters), [long]), 4);
  await runner.close();
});

it('groups in a row of several blocks of attention give the same as each sequence in a row of one block', async () => {
  const parameters = tinyParameters();
  const runner = new GradientRunner(parameters, 1);
  const pairs = [
    [400, 90, 50],
    [40, 9, 20],
  ].flatMap(([shared, ...rests], i) =>
    rests.map(
      (rest, branch): Sequence => ({
        ids: [...tokens(shared!, i), ...tokens(rest, 10 + 2 * i + branch)],
        start: shared! - 5,
      }),
    ),
  );
  const [{ micro: together }, { micro: apart }] = [layOut(pairs, 2), layOut(pairs, 1)];
  expect([together.batch, together.length, together.tokens]).toEqual([1, 624, 616]);
  expect(apart.length).toBeLessThanOrEqual(512);
  await expectSame(runner, parameters, pairs);
  await runner.close();
});

it('gradients add up over micro-batches until a task is the first again', async () => {
  const parameters = tinyParameters();
  const runner = new GradientRunner(parameters, 1);
  const micros = [1, 2].map((seed) => layOut([sequence(9, 4, seed)], 1).micro);
  const gradientOf = async (tasks: readonly GradientTask[]) => {
    const gradient = new Float32Array(parameters.flat.length);
    for (const task of tasks) await runner.run(task, gradient);
    return gradient;
  };
  const [a, b] = await Promise.all(micros.map((micro) => gradientOf([{ kind: 'sft', micro, first: true }])));
  const [first, second] = micros.map((micro) => ({ kind: 'sft' as const, micro }));
  const both = await gradientOf([
    { ...second!, first: true },
    { ...first!, first: true },
    { ...second!, first: false },
  ]);
  expect(both).toEqual(a!.map((value, i) => value + b![i]!));
  await runner.close();
});

it('every digit is the same with one thread of the runtime and with three', async () => {
  const parameters = tinyParameters();
  const { micro } = layOut(
    Array.from({ length: 40 }, (_, i) => sequence(20 + (i % 21), 4, i)),
    1,
  );
  const [one, three] = await Promise.all(
    [1, 3].map(async (threads) => {
      const runner = new GradientRunner(parameters, threads);
      const gradient = new Float32Array(parameters.flat.length);
      const { loss } = await runner.run({ kind: 'sft', micro, first: true }, gradient);
      await runner.close();
      return { loss, gradient };
    }),
  );
  expect(three!.loss).toBe(one!.loss);
  expect(three!.gradient).toEqual(one!.gradient);
});

it('a sequence as long as the model’s last position trains, whatever the padding’s step', async () => {
  const parameters = tinyParameters({ maxPositionEmbeddings: 13 });
  const runner = new GradientRunner(parameters, 1);
  const full = sequence(13, 4, 1);
  const { micro } = layOut([full], 1);
  const { loss } = await runner.run(
    { kind: 'sft', micro, first: true },
    new Float32Array(parameters.flat.length),
  );
  expect(loss / 9).toBeCloseTo(referenceSft(TINY, exactWeights(parameters), [full]), 4);
  await runner.close();
});

it('logits go in chunks where they would be many, and a micro-batch’s targets divide into them', () => {
  expect(vocabularyChunks(512, 8192)).toBe(1);
  expect(vocabularyChunks(512, 151_936)).toBe(8);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 1e6 }), (steps, vocabulary) => {
      const chunks = vocabularyChunks(steps * TARGET_STEP, vocabulary);
      expect((steps * TARGET_STEP) % chunks).toBe(0);
    }),
  );
});
