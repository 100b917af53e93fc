import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { resolveConfig } from '../../config.ts';
import { readConfig } from '../../open/config.ts';
import { openSources } from '../../open/run.ts';
import { stagesOf } from '../../pipeline.ts';
import { run } from '../run.contract.ts';
import { writeTrainerSpeeds } from '../trainer-speeds.ts';
import { TEMPLATES } from './templates.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'evalplanner-init-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

describe.each(Object.keys(TEMPLATES))('the template %s', (template) => {
  test('is a config that runs as it is, with the data that it names', async () => {
    const folder = join(root, 'mine');
    const { code, out } = await run('init', folder, '--template', template);
    expect(code).toBe(0);
    const { config, name } = await readConfig(join(folder, 'evalplanner.config.yaml'));
    expect(name).toBe('mine');
    const resolved = resolveConfig(config);
    expect(stagesOf(resolved).map(({ name }) => name)).toContain('judge M2-DPO');
    const onHub = template === 'cluster';
    const sources = onHub ? {} : await openSources(resolved);
    for (const [name, source] of Object.entries(sources)) {
      let count = 0;
      for await (const { text } of source.instructions('train') ?? []) {
        expect(text).not.toBe('');
        if (++count === 5) break;
      }
      expect(count, name).toBe(5);
    }
    expect(readFileSync(join(folder, '.gitignore'), 'utf8')).toContain('runs/');
    // What has to be there first, then three commands to go on with, the first of which runs the config.
    const before = TEMPLATES[template]?.before ?? [];
    expect(out.match(/^ {2}\$ /gm)).toHaveLength(before.length + 3);
    for (const command of before) expect(out).toContain(command);
    expect(out).toContain('evalplanner run evalplanner.config.yaml');
  });
});

test('hardware is a matter of models, serve and trainer', async () => {
  const of = async (template: string) => {
    await run('init', join(root, template), '--template', template);
    return resolveConfig((await readConfig(join(root, template, 'evalplanner.config.yaml'))).config);
  };
  const [gpu, cluster] = [await of('gpu'), await of('cluster')];
  expect(gpu).toMatchObject({
    models: { judge: 'hf:meta-llama/Llama-3.1-8B-Instruct' },
    serve: { kind: 'vllm' },
    trainer: { kind: 'trl', precision: 'bfloat16' },
    lora: { rank: 16 },
  });
  expect(cluster).toMatchObject({
    models: { judge: 'hf:meta-llama/Llama-3.3-70B-Instruct' },
    serve: { kind: 'restart' },
    trainer: { kind: 'ray', workers: 32 },
    thoughts: { plans: 5, executions: 4, temperature: 0.8, topP: 0.95 },
    optimiser: { weightDecay: 0.1, betas: [0.9, 0.95], maxLength: 4096 },
  });
  expect(cluster.rounds.map(({ train }) => train.map(({ learningRate }) => learningRate))).toEqual([
    [1e-6, 5.5e-8],
    [5.5e-8],
  ]);
  expect(readFileSync(join(root, 'cluster', 'serve.sh'), 'utf8')).toMatch(/^#!\/bin\/sh\n/);
});

test('a trainer that doctor found to be faster here is proposed', async () => {
  vi.stubEnv('XDG_CACHE_HOME', join(root, 'cache'));
  try {
    const seconds = { embedded: 3, 'TRL in float32': 2, 'TRL in bfloat16': 1 };
    await writeTrainerSpeeds({ model: 'some-model', seconds });
    const { out } = await run('init', join(root, 'pairs'), '--template', 'pairs');
    expect(out).toMatch(/TRL trains 3\.0 × as fast here \(some-model\)/);
    const yaml = readFileSync(join(root, 'pairs', 'evalplanner.config.yaml'), 'utf8');
    expect(yaml).toMatch(/^prompts: .*\n# trainer: \{ kind: trl, precision: bfloat16 \}/m);
    const proposed = resolveConfig(parse(yaml.replace('# trainer:', 'trainer:')));
    expect(proposed.trainer).toEqual({ kind: 'trl', precision: 'bfloat16' });
    // One that has its trainer needs no proposal.
    expect((await run('init', join(root, 'gpu'), '--template', 'gpu')).out).not.toContain('as fast here');
  } finally {
    vi.unstubAllEnvs();
  }
});

test('in TypeScript it says the same', async () => {
  expect((await run('init', join(root, 'a'), '--template', 'pairs', '--typescript')).code).toBe(0);
  expect((await run('init', join(root, 'b'), '--template', 'pairs')).code).toBe(0);
  const text = readFileSync(join(root, 'a', 'evalplanner.config.ts'), 'utf8');
  expect(text).toContain("import { defineConfig } from 'evalplanner';");
  // Where the package is not installed, the same object as a module.
  writeFileSync(join(root, 'a', 'plain.mjs'), text.replace(/^import.*$/m, 'const defineConfig = (x) => x;'));
  const [a, b] = await Promise.all(
    ['a/plain.mjs', 'b/evalplanner.config.yaml'].map((path) => readConfig(join(root, path))),
  );
  const plain = (config: unknown) => JSON.stringify(config).replaceAll(join(root, 'b'), join(root, 'a'));
  expect(plain(a?.config)).toBe(plain(b?.config));
});

test('nothing that is there is overwritten, and nothing is written beside it', async () => {
  writeFileSync(join(root, 'evalplanner.config.yaml'), 'mine');
  const { code, err } = await run('init', root, '--template', 'pairs');
  expect(code).toBe(2);
  expect(err).toMatch(/^error: .*evalplanner\.config\.yaml is there already\nfix: .+\n$/);
  expect(readFileSync(join(root, 'evalplanner.config.yaml'), 'utf8')).toBe('mine');
  expect(readdirSync(root)).toEqual(['evalplanner.config.yaml']);
});

test('an own .gitignore stays', async () => {
  writeFileSync(join(root, '.gitignore'), 'own\n');
  expect((await run('init', root, '--template', 'playground')).code).toBe(0);
  expect(readFileSync(join(root, '.gitignore'), 'utf8')).toBe('own\n');
  expect(existsSync(join(root, 'evalplanner.config.yaml'))).toBe(true);
});

test('without a terminal it says what to say', async () => {
  const { code, err } = await run('init', root);
  expect(code).toBe(2);
  expect(err).toMatch(/^error: there is no terminal to ask on\nfix: .*--template pairs.*\n$/);
});
