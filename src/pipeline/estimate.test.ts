import { expect, test } from 'vitest';
import { playground } from '../benchmarks/custom.ts';
import { type Resolved, type RunConfig, resolveConfig } from '../config.ts';
import { run, stagesOf } from '../pipeline.ts';
import type { Source } from '../source.ts';
import { openStore } from '../store/ledger.ts';
import { estimateRun } from './estimate.ts';
import { madeUpRun, SMALL } from './made-up-run.contract.ts';
import { pairRequests } from './pairs.ts';
import type { PairsStage, Stage } from './stage.ts';

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

test('each model costs what it asks for', () => {
  const priced = (completion: number) => ({
    model: 'openai:m@http://h/v1',
    prices: { prompt: 0, completion },
  });
  const models = { judge: priced(1), writer: priced(10), solver: priced(100), planner: priced(1000) };
  const dear = resolveConfig({ ...CONFIG, models });
  const costs = (config: Resolved) => {
    const told = estimateRun(stagesOf(config), config, null, { benchmarks });
    return Object.fromEntries(told.map(({ stage, cost }) => [stage, cost && cost * 1e6]));
  };
  const told = costs(dear);
  expect(told['pairs d1']).toBeCloseTo(10 * 2 * 50 * 10 + 5 * 4 * 50 * 100, 6);
  // Plans of 10 tokens by the planner, executions of 20 by the judge.
  expect(told['thoughts 1']).toBeCloseTo(22 * (3 * 10 * 1000 + 3 * 2 * 2 * 20 * 1), 6);
  expect(told['judge M0']).not.toBeNull();
  // One that is asked and has no price leaves the cost open; one that is not asked does not.
  const open = costs(resolveConfig({ ...CONFIG, models: { ...models, solver: 'openai:m@http://h/v1' } }));
  expect(open).toMatchObject({ 'pairs d1': null, 'pairs test': 0, 'thoughts 1': told['thoughts 1'] });
});

test('prompts of what is left are as long as those of a request that came', () => {
  using store = openStore(':memory:', { config: {} });
  store.planStages(stages);
  // Half of the instructions: 20 of 40 requests, each of 30 tokens and answered by 5.
  store.spend('pairs d1', { seconds: 1, tokens: 100, promptTokens: 600 }, { done: 11, total: 22 });
  const [first] = estimateRun(stages, config, store, { benchmarks });
  expect(first).toMatchObject({ requests: 20, tokens: 100 });
  expect(first?.cost).toBeCloseTo((20 * 30 * 1 + 100 * 10) / 1e6, 12);
});

test.each(['modified', 'other', 'nearest'] as const)(
  'requests of pairs are those that a run asks for: what the data brings is not written (%s)',
  async (rejected) => {
    const source = (kind: 'general' | 'math'): Source => ({
      kind,
      revision: 'r',
      async *instructions(split) {
        for (let i = 0; i < 40; i++)
          yield {
            text: `${split} ${kind} ${i} gold ${i}`,
            family: 'f',
            ...(kind === 'math' ? { answer: String(i) } : {}),
            ...(i % 3 > 0 ? { response: `right ${i}` } : {}),
            ...(i % 3 > 1 ? { rejected: `wrong ${i}` } : {}),
          };
      },
    });
    const general = { ...SMALL.sources.general, rejected } as Resolved['sources'][string];
    const config = { ...SMALL, sources: { ...SMALL.sources, general } };
    using store = openStore(':memory:', { config: {} });
    const made = madeUpRun(store, 'nowhere', { config });
    const ports = { ...made.ports, sources: { general: source('general'), math: source('math') } };
    const stage = stagesOf(config)[0] as Stage & PairsStage;
    const told = await pairRequests(stage, config, ports, new AbortController().signal);
    await run(config, ports, { ...made.options, until: stage.name });
    expect(Object.values(told).reduce((a, b) => a + b, 0)).toBe(made.asked.length);
    // One of the four questions brings both responses.
    expect(told.math).toBe(3 * SMALL.pairs.solutions);
  },
);

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
