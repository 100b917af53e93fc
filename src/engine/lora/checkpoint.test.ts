import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { CheckpointError } from '../errors.ts';
import { writeCheckpoint } from '../llama/checkpoint.ts';
import { referenceLogits } from '../llama/reference.contract.ts';
import { exactWeights, tinyParameters } from '../llama/tiny.contract.ts';
import { openSafetensors, writeSafetensors } from '../safetensors.ts';
import type { Adapter } from './adapter.ts';
import { adaptedRevision, isAdapterFolder, readAdapter, writeAdapter } from './checkpoint.ts';
import { mergeAdapter } from './merge.ts';
import { LORA, tinyAdapter } from './tiny.contract.ts';

/** Written by PEFT and transformers; see its make.py. */
const FIXTURE = join(import.meta.dirname, '../../../fixtures/lora');

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'adapter-'));
  await writeCheckpoint(join(root, 'base'), tinyParameters());
});
afterEach(() => rm(root, { recursive: true }));

describe('a folder', () => {
  const dir = () => join(root, 'adapter');
  const write = (adapter = tinyAdapter()) =>
    writeAdapter(dir(), adapter, { base: join(root, 'base'), extraFiles: { 'tokenizer.json': '{}' } });

  it('gives config and weights back to the bit, with its base', async () => {
    const written = tinyAdapter({ rank: 2, alpha: 0.5, targets: ['v_proj', 'up_proj'] });
    await write(written);
    const { adapter, parameters, base } = await readAdapter(dir());
    expect(adapter.lora).toEqual(written.lora);
    expect(adapter.flat).toEqual(written.flat);
    expect(parameters.flat).toEqual(tinyParameters().flat);
    expect(base).toBe(join(root, 'base'));
    expect(await isAdapterFolder(dir())).toBe(true);
    expect(await isAdapterFolder(base)).toBe(false);
    expect(await isAdapterFolder(join(root, 'nothing'))).toBe(false);
  });

  it('is replaced as a whole, and never replaces what is no model', async () => {
    await write();
    await write();
    await mkdir(join(root, 'mine'));
    await writeFile(join(root, 'mine', 'notes.txt'), 'mine');
    const refused = await writeAdapter(join(root, 'mine'), tinyAdapter(), { base: root }).catch((e) => e);
    expect(refused).toBeInstanceOf(CheckpointError);
    expect(await readFile(join(root, 'mine', 'notes.txt'), 'utf8')).toBe('mine');
  });

  it('has a revision that weights, rank and base change', async () => {
    const [parameters, adapter] = [tinyParameters(), tinyAdapter()];
    const revision = adaptedRevision(parameters, adapter);
    expect(revision).toMatch(/^[0-9a-f]{16}$/);
    expect(adaptedRevision(parameters, tinyAdapter({ ...LORA, alpha: 1 }))).not.toBe(revision);
    adapter.flat[0]! += 1;
    expect(adaptedRevision(parameters, adapter)).not.toBe(revision);
  });

  const rewrite = async (change: (config: Record<string, unknown>) => unknown) => {
    await write();
    const path = join(dir(), 'adapter_config.json');
    const config = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
    await writeFile(path, JSON.stringify(change(config)) ?? '{');
  };
  const failure = async (): Promise<CheckpointError> => {
    const error = await readAdapter(dir()).then(
      () => new Error('it was read'),
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof CheckpointError)) throw error;
    expect(error.remedy).not.toBe('');
    return error;
  };

  it.each([
    ['use_dora', true],
    ['use_rslora', true],
    ['modules_to_save', ['lm_head']],
    ['bias', 'all'],
    ['lora_bias', true],
    ['fan_in_fan_out', true],
    ['rank_pattern', { q_proj: 8 }],
    ['alpha_pattern', { q_proj: 8 }],
    ['layers_to_transform', [0]],
    ['layer_replication', [[0, 1]]],
    ['trainable_token_indices', [1]],
    ['exclude_modules', ['q_proj']],
    ['target_parameters', ['x']],
    ['init_lora_weights', 'pissa'],
    ['peft_type', 'IA3'],
    ['task_type', 'SEQ_CLS'],
    ['target_modules', '.*_proj'],
    ['target_modules', ['q_proj', 'embed_tokens']],
    ['an_option_of_tomorrow', 3],
  ])('refuses %s = %j by its name', async (name, value) => {
    await rewrite((config) => ({ ...config, [name]: value }));
    const { kind, message } = await failure();
    expect(kind).toBe('unsupported');
    expect(message).toContain(name);
  });

  const HOSTILE = `\u001b[2J\u202e\n${'x'.repeat(1e5)}`;
  it.each([
    ['the name of an option', { [HOSTILE]: true }],
    ['the value of an option', { use_dora: HOSTILE }],
    ['a type', { peft_type: HOSTILE }],
    ['a rank', { r: HOSTILE }],
    ['a target', { target_modules: [HOSTILE] }],
    ['a base', { base_model_name_or_path: HOSTILE }],
  ])('quotes %s in one bounded line that steers no terminal', async (_, changes) => {
    await rewrite((config) => ({ ...config, ...changes }));
    const { message } = await failure();
    expect(message.length).toBeLessThan(dir().length + 400);
    expect(message).not.toMatch(/[\p{Cc}\u202e]/u);
  });

  it('quotes the name of a tensor so, too', async () => {
    await write();
    const stranger = { name: HOSTILE.slice(0, 1e4), shape: [1], data: Float32Array.of(1) };
    const path = join(dir(), 'adapter_model.safetensors');
    await writeSafetensors(path, [...tensorsOf(tinyAdapter()), stranger]);
    const { message } = await failure();
    expect(message.length).toBeLessThan(dir().length + 400);
    expect(message).not.toMatch(/[\p{Cc}\u202e]/u);
  });

  it.each([
    ['no JSON', () => undefined],
    ['no object', () => [1]],
    ['r of 0', (config: object) => ({ ...config, r: 0 })],
    ['r of a billion', (config: object) => ({ ...config, r: 1e9 })],
    ['r beyond every number', (config: object) => ({ ...config, r: 1e300 })],
    ['another r', (config: object) => ({ ...config, r: 4 })],
    ['no alpha', (config: object) => ({ ...config, lora_alpha: null })],
    ['no targets', (config: object) => ({ ...config, target_modules: [] })],
    ['fewer targets than tensors', (config: object) => ({ ...config, target_modules: ['q_proj'] })],
    ['no base', (config: object) => ({ ...config, base_model_name_or_path: null })],
    [
      'a base on the hub',
      (config: object) => ({ ...config, base_model_name_or_path: 'meta-llama/Llama-3-8B' }),
    ],
    ['a base with a NUL', (config: object) => ({ ...config, base_model_name_or_path: 'base\0' })],
    [
      'a base that is a file',
      (config: object) => ({ ...config, base_model_name_or_path: '../base/config.json' }),
    ],
  ])('refuses a config with %s', async (_, change) => {
    await rewrite(change as (config: object) => unknown);
    expect((await failure()).kind).not.toBe('unsupported');
  });

  it('takes a base relative to itself, and all-linear', async () => {
    await rewrite((config) => ({
      ...config,
      base_model_name_or_path: '../base',
      target_modules: 'all-linear',
    }));
    expect((await readAdapter(dir())).base).toBe(join(root, 'base'));
  });

  it('refuses an adapter as a base', async () => {
    await write();
    await writeAdapter(join(root, 'second'), tinyAdapter(), { base: dir() });
    await expect(readAdapter(join(root, 'second'))).rejects.toThrow(/itself an adapter/);
  });

  const tensorsOf = (adapter: Adapter) =>
    adapter.shapes.map(({ name, shape }) => ({ name, shape, data: adapter.get(name) as Float32Array }));
  it.each([
    ['a tensor is missing', (adapter: Adapter) => tensorsOf(adapter).slice(1)],
    [
      'one too many',
      (adapter: Adapter) => [
        ...tensorsOf(adapter),
        { name: 'lm_head.weight', shape: [1], data: Float32Array.of(1) },
      ],
    ],
    [
      'a shape is turned',
      (adapter: Adapter) => tensorsOf(adapter).map((t) => ({ ...t, shape: t.shape.toReversed() })),
    ],
    [
      'a value is no number',
      (adapter: Adapter) => {
        adapter.flat[5] = Number.NaN;
        return tensorsOf(adapter);
      },
    ],
  ])('refuses weights where %s', async (_, make) => {
    await write();
    await writeSafetensors(join(dir(), 'adapter_model.safetensors'), make(tinyAdapter()));
    expect((await failure()).kind).toBe('format');
  });

  it('says so where PEFT wrote no safetensors', async () => {
    await write();
    await rm(join(dir(), 'adapter_model.safetensors'));
    expect((await failure()).message).toContain('adapter_model.safetensors');
  });
});

describe('an adapter that PEFT wrote', () => {
  let expected: Awaited<ReturnType<typeof openSafetensors>>;
  beforeAll(async () => {
    expected = await openSafetensors(join(FIXTURE, 'expected.safetensors'));
  });
  afterAll(() => expected.close());

  it('gives PyTorch’s logits', async () => {
    const { parameters, adapter } = await readAdapter(join(FIXTURE, 'adapter'));
    await mergeAdapter(parameters, adapter, 1);
    const ids = await expected.read('ids');
    const logits = await expected.read('logits');
    const found = [0, 1].flatMap((row) =>
      referenceLogits(parameters.config, exactWeights(parameters), [...ids.slice(row * 12, row * 12 + 12)]),
    );
    expect(found).toHaveLength(logits.length);
    const worst = Math.max(...found.map((value, i) => Math.abs(value - logits[i]!)));
    expect(worst).toBeLessThan(1e-4);
  });
});
