import { expect, test } from 'vitest';
import { type JudgeAllOptions, judgeAll } from '../judging/judge.ts';
import type { Pair } from '../judging/judgment.ts';
import { scripted } from '../model/scripted.ts';
import { openStore } from '../store/ledger.ts';
import { DryRun } from './dry-run.ts';

const pairs = (count: number) =>
  Array.from(
    { length: count },
    (_, i): Pair => ({ instruction: `question ${i >> 2}`, responses: [`yes ${i}`, `no ${i}`] }),
  );

test.each<JudgeAllOptions>([
  {},
  { form: 'planned' },
  { form: 'two-call', plans: 2 },
  { form: 'planned', votes: 3, orders: 'ab' },
  { form: 'two-call', fresh: true },
])('%j: counts what is then asked, and writes nothing', async (options) => {
  let asked = 0;
  const model = scripted(({ stop }) => {
    asked++;
    return stop ? 'Look at both.' : 'So: [[A]]';
  });
  using store = openStore(':memory:', { config: {} });
  const judged = async (of: readonly Pair[], dry?: DryRun) => {
    const by = { ...options, window: 5, store: dry ? dry.store(store) : store };
    for await (const _ of judgeAll(dry ? dry.model(model) : model, of, by));
  };
  await judged(pairs(8));
  const [before, stored] = [asked, store.counts().generations.stop];

  const dry = new DryRun({ prompt: 1e6, completion: 0 });
  await judged(pairs(20), dry);
  expect(asked).toBe(before);
  expect(store.counts().generations.stop).toBe(stored);
  expect(dry.stored).toBe(options.fresh ? 0 : stored);
  const { requests, promptTokens, cost, maxCompletionTokens } = dry.estimate;
  expect(cost).toBe(promptTokens);
  expect(maxCompletionTokens).toBe(requests * 2048);

  await judged(pairs(20));
  expect(requests).toBe(asked - before);
});

test('a generation that failed would be asked for again, once', async () => {
  const model = scripted(() => ({ text: '', finishReason: 'error' }));
  using store = openStore(':memory:', { config: {} });
  for await (const _ of judgeAll(model, pairs(1), { form: 'planned', store }));
  const dry = new DryRun();
  for await (const _ of judgeAll(dry.model(model), [...pairs(1), ...pairs(1)], {
    form: 'planned',
    store: dry.store(store),
  }));
  expect(dry.estimate.requests).toBe(2);
  expect(dry.stored).toBe(0);
});
