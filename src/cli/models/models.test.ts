import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { hubModels } from '../../model/local/hub-models.contract.ts';
import { run } from '../run.contract.ts';
import { modelsText } from './text.ts';

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'models-'));
  vi.stubEnv('HF_HOME', home);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

const COMMIT = 'a'.repeat(40);

/** A repository in the cache, as huggingface_hub lays it out. */
function cache(id: string, files: Readonly<Record<string, string | Uint8Array>>, ref = 'main'): void {
  const folder = join(home, 'hub', `models--${id.replace('/', '--')}`);
  const snapshot = join(folder, 'snapshots', COMMIT);
  for (const path of [join(folder, 'blobs'), join(folder, 'refs'), snapshot])
    mkdirSync(path, { recursive: true });
  writeFileSync(join(folder, 'refs', ref), COMMIT);
  for (const [name, content] of Object.entries(files)) {
    writeFileSync(join(folder, 'blobs', name), content);
    symlinkSync(join('..', '..', 'blobs', name), join(snapshot, name));
  }
}

test('lists what is cached, whether it runs here, and the seed model', async () => {
  const { whole, adapter } = await hubModels('mine/whole');
  const { 'model.safetensors': _, ...part } = whole;
  cache('mine/whole', whole);
  cache('mine/tagged', whole, 'v1');
  cache('mine/adapter', adapter);
  cache('mine/part', part);
  cache('mine/other', { 'config.json': '{"architectures": ["MambaForCausalLM"], "model_type": "mamba"}' });
  cache('mine/gguf', { 'a.gguf': 'GGUF' });
  cache('mine/hostile', {
    'config.json': '{"architectures": ["\\u001b[2J\\nX"], "model_type": "\\u001b]0;x"}',
  });
  mkdirSync(join(home, 'hub', 'models--broken--repo'));
  mkdirSync(join(home, 'hub', 'datasets--a--b', 'snapshots'), { recursive: true });
  const { code, out, err } = await run('models', '--json');
  expect(code).toBe(0);
  expect(err).toMatch(/^note: .*broken/m);
  const { models } = JSON.parse(out) as { models: Record<string, unknown>[] };
  expect(
    Object.fromEntries(models.map(({ name, architecture, runs }) => [name, [architecture, runs]])),
  ).toEqual({
    'hf:mine/adapter': ['LoRA of mine/whole', null],
    'hf:mine/gguf:a.gguf': ['GGUF', null],
    'hf:mine/hostile': ['\u001b[2J\nX', false],
    'hf:mine/other': ['MambaForCausalLM', false],
    'hf:mine/part': ['LlamaForCausalLM', false],
    'hf:mine/tagged@v1': ['LlamaForCausalLM', true],
    'hf:mine/whole': ['LlamaForCausalLM', true],
    playground: ['LlamaForCausalLM', true],
  });
  const text = await run('models');
  expect(text.out).toContain('not run here: config.json: model_type is "mamba"');
  expect(text.out).not.toContain('\u001b');
});

test('an empty cache is no error', async () => {
  const { code, out } = await run('models');
  expect({ code, out }).toEqual({ code: 0, out: expect.stringMatching(/^model .*\nplayground /) });
});

test.each([[36], [60], [80], [120]])(
  'fits a terminal of %d columns, with a mark beside every colour',
  (columns) => {
    const model = {
      name: 'hf:meta-llama/Llama-3.1-8B-Instruct',
      commit: COMMIT,
      refs: ['main'],
      bytes: 16.1e9,
      architecture: 'LlamaForCausalLM',
      refused: null,
      needs: { sampling: 40e9, lora: 60e9, training: 7e9 },
    };
    const refused = {
      ...model,
      name: 'hf:a/b',
      needs: null,
      refused: 'model_type is "mamba", and so on and on and on, at length',
    };
    const text = modelsText(
      { cache: '/c', memory: 8e9, models: [model, refused] },
      { columns, colour: false },
    );
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(columns);
    expect(text).toContain('40.0 GB ✗');
    expect(text).toMatch(/7\.0 GB(?! ✗)/);
    const coloured = modelsText({ cache: '/c', memory: 8e9, models: [model] }, { columns, colour: true });
    expect(coloured).toContain('\u001b[');
  },
);
