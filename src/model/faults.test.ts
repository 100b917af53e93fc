import { afterEach, expect, test } from 'vitest';
import { serve } from '../../bench/servers/openai.ts';
import { type GenerateRequest, userPrompt } from '../model.ts';
import { record } from '../sampling/record.ts';
import { openStore } from '../store/ledger.ts';
import { openaiCompatible } from './openai.ts';
import { HangClock } from './remote/hang-clock.contract.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function* requests(count: number): Generator<GenerateRequest> {
  for (let i = 0; i < count; i++) {
    yield {
      key: `unit ${i}`,
      prompt: userPrompt(`prompt ${i}`),
      maxTokens: 300,
      temperature: 0,
      topP: 1,
      seed: 0,
    };
  }
}

test('a server that refuses, fails, drops, cuts, hangs and says nothing loses no call and doubles none', async () => {
  const timeout = 20_000;
  const clock = new HangClock(timeout);
  const faulty = await serve({
    onHang: () => clock.hangs(),
    latency: 1,
    refuseEvery: 5,
    retryAfter: 0.02,
    error500: 0.03,
    drop: 0.02,
    truncate: 0.02,
    hang: 0.02,
    empty: 0.02,
  });
  const sound = await serve();
  closing.push(faulty.close, sound.close);
  const texts = async (baseURL: string) => {
    const options = { baseURL, model: 'x', timeout, retryDelay: 5, maxConcurrency: 32 };
    const model = openaiCompatible(options, clock);
    closing.push(() => model.close());
    using store = openStore(':memory:', { config: {} });
    const found: string[] = [];
    for await (const batch of record({ store }, model, requests(300))) {
      found.push(...batch.map(({ key, text, finishReason }) => `${key} ${finishReason} ${text}`));
    }
    expect(store.counts().generations).toMatchObject({ stop: 300, error: 0 });
    return found.toSorted();
  };
  expect(await texts(faulty.url)).toEqual(await texts(sound.url));
  expect(Object.keys(faulty.stats.faults).sort()).toEqual([
    'drop',
    'empty',
    'error500',
    'hang',
    'refuse',
    'truncate',
  ]);
});
