import { expect, test } from 'vitest';
import { userPrompt } from '../model.ts';
import { modelContract } from './model.contract.ts';
import { scripted } from './scripted.ts';

modelContract('scripted', async () => ({
  model: scripted(({ text, seed, temperature }) => `${text} ${temperature === 0 ? '' : seed}`),
  prompt: (index) => `prompt ${index}`,
  close: async () => {},
}));

test('a script may cut its answer', async () => {
  const model = scripted(() => ({ text: 'a b c', finishReason: 'length' }));
  const request = { key: 'k', prompt: userPrompt('one two'), maxTokens: 3, temperature: 0, topP: 1, seed: 0 };
  const found = [];
  for await (const generation of model.generate([request])) found.push(generation);
  expect(found).toEqual([
    { key: 'k', text: 'a b c', finishReason: 'length', promptTokens: 2, completionTokens: 3 },
  ]);
});

test('a revision tells scripts apart', () => {
  expect(scripted(() => '', 'one').revision).not.toBe(scripted(() => '', 'two').revision);
});
