import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

// Prints the packages that a process loads.
const LOADED = `
  const { registerHooks } = await import('node:module');
  const loaded = [];
  registerHooks({ resolve(specifier, context, next) {
    const found = next(specifier, context);
    if (/node_modules/.test(found.url)) loaded.push(found.url.split('node_modules/').pop().split('/')[0]);
    return found;
  } });
  const { openaiCompatible } = await import(${JSON.stringify(new URL('./index.ts', import.meta.url).href)});
  const imported = [...loaded];
  const model = openaiCompatible({ baseURL: 'http://127.0.0.1:9/v1', model: 'x', connectPatience: 0 });
  const opened = [...loaded];
  const request = { key: 'k', prompt: { messages: [{ role: 'user', content: 'p' }] }, maxTokens: 1, temperature: 0, topP: 1, seed: 0 };
  try {
    for await (const _ of model.generate([request]));
  } catch {}
  console.log(JSON.stringify({ imported, opened, used: loaded }));`;

test('importing the package loads neither the runtime of the engine nor a provider until one is used', () => {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', LOADED], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('');
  const { imported, opened, used } = JSON.parse(stdout);
  for (const name of ['onnxruntime-node', 'openai', 'undici', 'ai', '@ai-sdk']) {
    expect(imported).not.toContain(name);
    expect(opened).not.toContain(name);
  }
  expect(used).toContain('openai');
  expect(used).not.toContain('onnxruntime-node');
});
