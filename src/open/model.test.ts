import { describe, expect, test } from 'vitest';
import { serve } from '../../bench/servers/openai.ts';
import { userPrompt } from '../model.ts';
import { checkModelOptions, openModel } from './model.ts';

describe('a name', () => {
  test.each([{ body: { top_k: 1 } }, { apiKeyEnv: 'PATH' }, { apiKeyFile: 'key' }])(
    'of a provider alone does not take %j',
    (options) => {
      const names = ['ai:no-such-provider/x'];
      expect(() => checkModelOptions(names, options)).toThrow('is for OpenAI-style servers');
      expect(() => checkModelOptions([...names, 'openai:x@http://localhost/v1'], options)).not.toThrow();
    },
  );

  test('of a server opens it', async () => {
    const server = await serve();
    const model = await openModel('x', { baseUrl: [server.url], concurrency: 4, api: 'completions' });
    const request = { key: 'k', prompt: userPrompt('p'), maxTokens: 9, temperature: 0, topP: 1, seed: 0 };
    for await (const { text } of model.generate([request])) expect(text).toMatch(/\[\[[AB]\]\]$/);
    await model.close();
    await server.close();
  });

  test('of a provider that is not installed says what to install', async () => {
    await expect(openModel('ai:no-such-provider/x', {})).rejects.toMatchObject({
      code: 'usage',
      remedy: 'npm install @ai-sdk/no-such-provider',
    });
  });
});

describe('an option', () => {
  const baseUrl = ['http://a/v1'];
  const prices = { prompt: 1, completion: 2 };

  test.each([
    [
      'of checkpoints',
      ['x'],
      { baseUrl, quantization: 'int8' },
      '--quantization is for checkpoints that run here, and x is none',
    ],
    [
      'of servers',
      ['m0'],
      { apiKeyFile: '/nope' },
      '--api-key-file is for OpenAI-style servers, and m0 is none',
    ],
    ['of servers', ['embedded:m0'], { baseUrl }, '--base-url is for OpenAI-style servers'],
    ['of servers', ['ai:anthropic/x'], { body: {} }, '--body is for OpenAI-style servers'],
    [
      'of calls',
      ['m0', 'm1'],
      { maxCost: 3 },
      '--max-cost is for models behind a server, and m0 and m1 are none',
    ],
    ['of calls', ['m0'], { prices }, '--prices is for models behind a server'],
    ['of any model', [], { timeout: 9 }, '--timeout is for models behind a server, and no model is asked'],
  ] as const)('%s is refused where %j do not heed it', (_, names, options, message) => {
    expect(() => checkModelOptions(names, options)).toThrow(message);
  });

  test.each([
    [['m0', 'openai:x@http://b/v1'], { quantization: 'int8', apiKeyEnv: 'KEY', maxCost: 3, prices }],
    [['ai:anthropic/x'], { maxCost: 3, prices, concurrency: 4, timeout: 9, revision: 'r' }],
    [['m0'], { prices, dryRun: true }],
    [['x'], { baseUrl, body: {}, apiKeyFile: 'key' }],
  ] as const)('is taken where one of %j heeds it', (names, options) => {
    expect(() => checkModelOptions(names, options)).not.toThrow();
  });
});

test('the key of OpenAI goes to OpenAI only, and a key that is named has to be there', async () => {
  await expect(openModel('x', { baseUrl: ['http://a/v1'], apiKeyEnv: 'NO_SUCH_KEY' })).rejects.toThrow(
    'NO_SUCH_KEY',
  );
  await expect(openModel('x', { baseUrl: ['http://a/v1'], apiKeyFile: '/no/such/file' })).rejects.toThrow(
    '/no/such/file',
  );
  await expect(openModel('x', { baseUrl: ['http://a/v1'], maxCost: 1 })).rejects.toThrow('prices');
});
