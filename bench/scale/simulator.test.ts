import { afterAll, beforeAll, expect, test } from 'vitest';
import { openaiCompatible } from '../../src/model/openai.ts';
import type { GenerateRequest, Generation } from '../../src/model.ts';
import { PUBLISHED_PROMPTS } from '../../src/prompts/set.ts';
import { render } from '../../src/prompts/template.ts';
import { parseVerdict } from '../../src/verdict/verdict.ts';
import { Simulator } from './simulator.ts';

const never = Number.MAX_VALUE;
const simulator = new Simulator({
  replicas: 2,
  timeScale: 2000,
  replica: {
    maxNumSeqs: 8,
    maxBatchedTokens: 8192,
    blockSize: 16,
    kvTokens: 20_000,
    step: { base: 0.006, token: 25e-6, context: 35e-9 },
  },
  smallKv: 1,
  tokens: 200,
  faults: {
    error500: 0.2,
    cut: 0.2,
    deaths: never,
    dying: 5,
    down: 60,
    slow: never,
    slowFor: 60,
    slowness: 3,
  },
  seed: 0,
});
beforeAll(() => simulator.start());
afterAll(() => simulator.close());

test('it speaks as vLLM does, and what fails is asked for again until all is there', async () => {
  const [url = ''] = simulator.urls;
  const root = url.replace('/v1', '');
  expect((await fetch(`${root}/health`)).status).toBe(200);
  expect(await (await fetch(`${root}/metrics`)).text()).toMatch(/^vllm:num_requests_running\{.*\} 0$/m);
  const { data } = (await (await fetch(`${url}/models`)).json()) as { data: { id: string }[] };
  expect(data.map(({ id }) => id)).toEqual(['simulated']);

  const model = openaiCompatible({
    baseURL: simulator.urls,
    model: 'simulated',
    retryDelay: 1,
    prefill: 'continue_final_message',
  });
  const prompt = (i: number) =>
    render(PUBLISHED_PROMPTS.execute, { instruction: `q ${i}`, a: 'In short: x', b: 'y', plan: 'look' });
  const requests = Array.from({ length: 40 }, (_, i): GenerateRequest => {
    const messages = [{ role: 'user' as const, content: prompt(i >> 2) }];
    return { key: `${i}`, prompt: { messages }, seed: i % 4, temperature: 0.8, topP: 1, maxTokens: 300 };
  });
  const came: Generation[] = [];
  for await (const generation of model.generate(requests)) came.push(generation);
  await model.close();
  expect(new Set(came.map(({ key }) => key)).size).toBe(40);
  for (const { text, finishReason, completionTokens } of came) {
    expect(completionTokens).toBeLessThanOrEqual(300);
    expect(['stop', 'length']).toContain(finishReason);
    if (finishReason === 'stop') expect(parseVerdict(text).exact).toBe(true);
  }
  const { served, replicas } = simulator.mark();
  expect(served.answered).toBe(10);
  expect(served.choices).toBe(40);
  expect(served.calls).toBeGreaterThan(10);
  expect(replicas).toHaveLength(2);
});
