import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError } from 'ai';
import { MockLanguageModelV4 } from 'ai/test';
import { describe, expect, test, vi } from 'vitest';
import { serve } from '../../bench/servers/openai.ts';
import { type GenerateRequest, type Generation, type Model, userPrompt } from '../model.ts';
import { aiSdk } from './ai-sdk.ts';
import { modelContract } from './model.contract.ts';

for (const prefills of [false, true])
  modelContract(`aiSdk, prefills ${prefills},`, async () => {
    const server = await serve();
    const provider = createOpenAICompatible({ baseURL: server.url, name: 'local' });
    return {
      model: aiSdk(provider.chatModel('x'), { prefills }),
      prompt: (index) => `prompt ${index}`,
      close: () => server.close(),
    };
  });

const request = (changes: Partial<GenerateRequest> = {}): GenerateRequest => ({
  key: 'k',
  prompt: userPrompt('say it'),
  maxTokens: 50,
  temperature: 0.7,
  topP: 0.9,
  seed: 7,
  ...changes,
});
async function one(model: Model, changes: Partial<GenerateRequest> = {}): Promise<Generation> {
  for await (const generation of model.generate([request(changes)])) return generation;
  throw new Error('nothing came');
}

type Answer = Awaited<ReturnType<MockLanguageModelV4['doGenerate']>>;
const answer = (changes: Partial<Answer> = {}): Answer => ({
  content: [{ type: 'text', text: 'yes' }],
  finishReason: { unified: 'stop', raw: 'end_turn' },
  usage: {
    inputTokens: { total: 10, noCache: 4, cacheRead: 6, cacheWrite: undefined },
    outputTokens: { total: 4, text: 3, reasoning: 1 },
  },
  warnings: [],
  ...changes,
});
const failing = (...errors: readonly object[]) => {
  let call = 0;
  return new MockLanguageModelV4({
    doGenerate: async () => {
      const error = errors[call++];
      if (error) throw error;
      return answer();
    },
  });
};
const callError = (statusCode: number | undefined, message: string, headers: Record<string, string> = {}) =>
  new APICallError({
    message,
    url: 'http://x',
    requestBodyValues: {},
    responseHeaders: headers,
    ...(statusCode ? { statusCode } : {}),
  });

describe('a call', () => {
  test('sends every message, and the beginning of the answer as the last one', async () => {
    const mock = new MockLanguageModelV4({ doGenerate: answer() });
    const messages = [
      { role: 'system', content: 'Be fair.' },
      { role: 'user', content: 'Hi. <|im_end|>' },
      { role: 'assistant', content: 'Hello.' },
      { role: 'user', content: 'A or B?' },
    ] as const;
    await one(aiSdk(mock, { prefills: true }), { prompt: { messages, prefill: '[[' } });
    const parts = (text: string) => [{ type: 'text', text }];
    expect(mock.doGenerateCalls[0]?.prompt).toEqual([
      { role: 'system', content: 'Be fair.' },
      { role: 'user', content: parts('Hi. <\u200b|im_end|>') },
      { role: 'assistant', content: parts('Hello.') },
      { role: 'user', content: parts('A or B?') },
      { role: 'assistant', content: parts('[[') },
    ]);
  });

  test('sends every sampling parameter and tells all that comes', async () => {
    const mock = new MockLanguageModelV4({
      doGenerate: answer({
        content: [
          { type: 'reasoning', text: 'hm' },
          { type: 'text', text: 'A' },
        ],
      }),
    });
    const model = aiSdk(mock, { system: 'be brief', prices: { prompt: 1e6, completion: 1e6, cached: 0 } });
    expect(await one(model, { stop: ['\n'] })).toEqual({
      key: 'k',
      text: 'A',
      reasoning: 'hm',
      finishReason: 'stop',
      rawFinishReason: 'end_turn',
      promptTokens: 10,
      cachedTokens: 6,
      completionTokens: 4,
      cost: 8,
    });
    expect(mock.doGenerateCalls[0]).toMatchObject({
      prompt: [
        { role: 'system', content: 'be brief' },
        { role: 'user', content: [{ type: 'text', text: 'say it' }] },
      ],
      maxOutputTokens: 50,
      temperature: 0.7,
      topP: 0.9,
      seed: 7,
      stopSequences: ['\n'],
    });
  });

  test.each([
    ['length', 'length'],
    ['content-filter', 'refused'],
    ['other', 'stop'],
    ['tool-calls', 'stop'],
    ['error', 'error'],
  ] as const)('that ended by %s is %s', async (unified, finishReason) => {
    const mock = new MockLanguageModelV4({
      doGenerate: answer({ finishReason: { unified, raw: undefined } }),
    });
    expect((await one(aiSdk(mock, { attempts: 1 }))).finishReason).toBe(finishReason);
  });
});

describe('what a provider leaves out', () => {
  const warning = (feature: string) => ({
    type: 'unsupported' as const,
    feature,
    details: 'not for this model',
  });
  test('of the sampling is an error that says what to do, and its answer is paid', async () => {
    const mock = new MockLanguageModelV4({ doGenerate: answer({ warnings: [warning('temperature')] }) });
    await expect(one(aiSdk(mock))).rejects.toMatchObject({
      message: expect.stringContaining('does not take temperature 0.7: not for this model'),
      remedy: expect.stringContaining('--temperature'),
    });
    expect((await one(aiSdk(mock), { temperature: 1 })).text).toBe('yes');
  });

  test('as a seed is told once', async () => {
    const notices: string[] = [];
    const mock = new MockLanguageModelV4({ doGenerate: answer({ warnings: [warning('seed')] }) });
    const model = aiSdk(mock, { notice: (message) => notices.push(message) });
    await one(model, { seed: 2 ** 31 + 5 });
    await one(model);
    expect(notices).toEqual([expect.stringContaining('takes no seed')]);
    expect(mock.doGenerateCalls[0]?.seed).toBe(5);
  });
});

describe('a failure', () => {
  test.each([
    ['too many requests', callError(429, 'slow down', { 'retry-after-ms': '5' })],
    ['an internal error', callError(500, 'oops')],
    ['a broken connection', callError(undefined, 'Cannot connect')],
    ['half an answer', callError(200, 'Invalid JSON response')],
    ['no choices', new TypeError("Cannot read properties of undefined (reading 'message')")],
  ])('by %s is tried again', async (_, error) => {
    const mock = failing(error);
    expect((await one(aiSdk(mock, { retryDelay: 1 }))).text).toBe('yes');
    expect(mock.doGenerateCalls).toHaveLength(2);
  });

  test('by a wrong request is that of one unit, and tells no key', async () => {
    vi.stubEnv('ANTHROPIC_API_KEY', 'sk-canary-0123456789');
    const mock = failing(callError(400, 'bad request from sk-canary-0123456789'));
    expect(await one(aiSdk(mock))).toMatchObject({
      finishReason: 'error',
      error: expect.stringContaining('from [key]'),
    });
    vi.unstubAllEnvs();
  });

  test('by a key that is missing says so', async () => {
    const missing = Object.assign(new Error('set X_API_KEY'), { name: 'AI_LoadAPIKeyError' });
    await expect(
      one(aiSdk(failing(missing), { breaker: 1 })).then((found) => found.finishReason),
    ).resolves.toBe('error');
  });
});

test('a revision tells models apart', () => {
  const one = new MockLanguageModelV4({ modelId: 'a' });
  const two = new MockLanguageModelV4({ modelId: 'b' });
  expect(aiSdk(one).revision).not.toBe(aiSdk(two).revision);
  expect(aiSdk(one).revision).not.toBe(aiSdk(one, { revision: '2' }).revision);
});
