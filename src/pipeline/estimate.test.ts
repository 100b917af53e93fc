import { expect, test } from 'vitest';
import { playground } from '../benchmarks/custom.ts';
import { type RunConfig, resolveConfig } from '../config.ts';
import { stagesOf } from '../pipeline.ts';
import { openStore } from '../store/ledger.ts';
import { estimateRun } from './estimate.ts';

const SFT = { kind: 'sft', learningRate: 1e-5, warmupSteps: 0, epochs: 1, batchSize: 8 } as const;
const CONFIG: RunConfig = {
  models: { judge: { model: 'openai:m@http://h/v1', prices: { prompt: 1, completion: 10 } } },
  sources: {
    general: { kind: 'general', from: 'playground' },
    math: { kind: 'math', from: 'playground' },
    own: { kind: 'pairs', from: 'somewhere' },
  },
  pairs: { solutions: 4, maxTokens: 50 },
  thoughts: { plans: 3, executions: 2, maxPlanTokens: 10, maxThoughtTokens: 20 },
  rounds: [{ pairs: { general: 10, math: 5, own: 7 }, train: [SFT] }],
  validation: { pairs: { own: 4 } },
  test: { pairs: { own: 6 } },
  optimiser: { checkpoints: 2 },
  benchmarks: { game: { limit: 2, orders: 'both' } },
};
const config = resolveConfig(CONFIG);
const stages = stagesOf(config);
const pair = (i: number) => ({
  id: `b${i}`,
  prompt: `p${i}`,
  section: 's',
  subset: 'u',
  instruction: 'x',
  first: 'a',
  second: 'b',
  gold: 'first' as const,
});
const benchmarks = { game: { benchmark: playground, pairs: [0, 1, 2].map(pair) } };

test('requests by the method: what each kind of stage asks', () => {
  const told = estimateRun(stages, config, null, { benchmarks });
  expect(Object.fromEntries(told.map(({ stage, requests }) => [stage, requests]))).toEqual({
    'pairs d1': 10 * 2 + 5 * 4,
    'pairs validation': 0,
    'pairs test': 0,
    // A plan, and its execution in both orders.
    'judge M0': 6 * 3,
    'thoughts 1': 22 * (3 + 3 * 2 * 2),
    'train M1-SFT': 2 * 4 * 2,
    'judge M1-SFT': 6 * 2,
    'bench M0 game': 2 * 3,
    'bench M1-SFT game': 2 * 2,
  });
  const [first] = told;
  // 40 answers of 50 tokens at most, and prompts as long.
  expect(first).toMatchObject({ tokens: 2000, measured: false, seconds: null });
  expect(first?.cost).toBeCloseTo((2000 * 1 + 2000 * 10) / 1e6, 12);
});

test('what is done is left out, what is begun counts for what is left, at the rates that were measured', () => {
  using store = openStore(':memory:', { config: {} });
  store.planStages(stages);
  for (const name of ['pairs d1', 'pairs validation', 'pairs test']) store.finishStage(name);
  store.spend('judge M0', { seconds: 9, tokens: 90, promptTokens: 300 }, { done: 9, total: 18 });
  const told = estimateRun(stages, config, store, { benchmarks });
  expect(told.map(({ stage }) => stage)).toEqual(stages.slice(3).map(({ name }) => name));
  // 9 requests took 9 s and 90 tokens.
  expect(told[0]).toMatchObject({ stage: 'judge M0', requests: 9, tokens: 90, measured: true, seconds: 9 });
  expect(told.find(({ stage }) => stage === 'judge M1-SFT')).toMatchObject({
    requests: 12,
    tokens: 120,
    seconds: 12,
  });
  const changed = stagesOf({ ...config, thoughts: { ...config.thoughts, plans: 4 } });
  for (const { name } of stages) store.finishStage(name);
  // Pairs and M0's verdicts stay; what builds on thoughts is to be done again.
  expect(estimateRun(changed, config, store).map(({ stage }) => stage)).toEqual([
    'thoughts 1',
    'train M1-SFT',
    'judge M1-SFT',
    'bench M1-SFT game',
  ]);
});
