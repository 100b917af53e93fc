import { describe, expect, test } from 'vitest';
import { serve } from '../../bench/servers/openai.ts';
import { openModel, placeOf } from './models.ts';

describe('a name', () => {
  test.each([
    ['runs/x/M2', [], { kind: 'folder', folder: 'runs/x/M2' }],
    ['m2', ['http://a/v1'], { kind: 'server', model: 'm2', baseURL: ['http://a/v1'] }],
    ['embedded:m2', ['http://a/v1'], { kind: 'folder', folder: 'm2' }],
    ['openai:org/m@x@http://b:1/v1', [], { kind: 'server', model: 'org/m@x', baseURL: ['http://b:1/v1'] }],
    ['ai:anthropic/claude-x', [], { kind: 'provider', provider: 'anthropic', model: 'claude-x' }],
    ['ai:../x/y', [], { kind: 'folder', folder: 'ai:../x/y' }],
  ] as const)('%s with %j says where the model is', (name, urls, place) => {
    expect(placeOf(name, urls)).toEqual(place);
  });

  test('of a server opens it', async () => {
    const server = await serve();
    const model = await openModel('x', { baseUrl: [server.url], concurrency: 4, api: 'completions' });
    const request = { key: 'k', prompt: 'p', maxTokens: 9, temperature: 0, topP: 1, seed: 0 };
    for await (const { text } of model.generate([request])) expect(text).toMatch(/\[\[[AB]\]\]$/);
    await model.close();
    await server.close();
  });

  test('of a server does not take what is for checkpoints', async () => {
    await expect(openModel('x', { baseUrl: ['http://a/v1'], quantization: 'int8' })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringContaining('--quantization is for checkpoints'),
    });
  });

  test('of a provider that is not installed says what to install', async () => {
    await expect(openModel('ai:no-such-provider/x', {})).rejects.toMatchObject({
      code: 'usage',
      remedy: 'npm install @ai-sdk/no-such-provider',
    });
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
