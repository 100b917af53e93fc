import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CheckpointError } from '../errors.ts';
import { tokenizerFiles } from '../model-folder.ts';
import * as safetensors from '../safetensors.ts';
import { readCheckpoint, readFrozen, revision, writeCheckpoint } from './checkpoint.ts';
import type { LlamaConfig } from './config.ts';
import { configText, modelToJson } from './config-json.ts';
import { HalfParameters, initialise, Parameters } from './parameters.ts';

vi.mock('../safetensors.ts', { spy: true });
vi.mock('node:fs/promises', { spy: true });

const config: LlamaConfig = {
  vocabSize: 13,
  hiddenSize: 8,
  intermediateSize: 12,
  numHiddenLayers: 2,
  numAttentionHeads: 2,
  numKeyValueHeads: 1,
  headDim: 4,
  maxPositionEmbeddings: 32,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: false,
  bosTokenId: 0,
  eosTokenIds: [1],
  padTokenId: 2,
};

function model(seed: number, change: Partial<LlamaConfig> = {}): Parameters {
  const parameters = new Parameters({ ...config, ...change });
  let state = seed;
  initialise(parameters, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  });
  return parameters;
}

const tensorsOf = (parameters: Parameters) =>
  parameters.shapes.map(({ name, shape }) => ({ name, shape, data: parameters.get(name) as Float32Array }));

let root = '';
let dir = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'checkpoint-'));
  dir = join(root, 'M1');
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(root, { recursive: true });
});

async function failure(action: Promise<unknown>): Promise<CheckpointError> {
  const error = await action.then(
    () => new Error('it succeeded'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CheckpointError)) throw error;
  expect(error.remedy).not.toBe('');
  return error;
}

describe('a folder', () => {
  it.each([true, false])('gives config and weights back to the bit (tied: %s)', async (tieWordEmbeddings) => {
    const parameters = model(1, { tieWordEmbeddings });
    await writeCheckpoint(dir, parameters);
    const found = await readCheckpoint(dir);
    expect(modelToJson(found.config)).toEqual(modelToJson(parameters.config));
    expect(Buffer.from(found.flat.buffer).equals(Buffer.from(parameters.flat.buffer))).toBe(true);
    expect((await readdir(dir)).sort()).toEqual([
      'config.json',
      'generation_config.json',
      'model.safetensors',
    ]);
    expect(await readdir(root)).toEqual(['M1']);
  });

  it('makes the folders above it, and carries the tokenizer', async () => {
    const files = { 'tokenizer.json': '{"version":"1.0"}', 'chat_template.jinja': '{{ messages }}' };
    const nested = join(root, 'a', 'b', 'M1');
    await writeCheckpoint(nested, model(1), { extraFiles: { ...files, 'README.md': '# M1' } });
    expect(await tokenizerFiles(nested)).toEqual(files);
    expect(await readFile(join(nested, 'README.md'), 'utf8')).toBe('# M1');
  });

  it('asks servers to sample plainly', async () => {
    await writeCheckpoint(dir, model(1));
    expect(JSON.parse(await readFile(join(dir, 'generation_config.json'), 'utf8'))).toEqual({
      bos_token_id: 0,
      eos_token_id: 1,
      pad_token_id: 2,
      do_sample: true,
      temperature: 1,
      top_k: 0,
      top_p: 1,
    });
  });

  it.each(['../escape', 'a/b', '', '..', '.', 'config.json', 'model.safetensors'])(
    'takes no extra file %j',
    async (name) => {
      await expect(writeCheckpoint(dir, model(1), { extraFiles: { [name]: '' } })).rejects.toThrow(
        'extra file',
      );
      expect(await readdir(root)).toEqual([]);
    },
  );
});

describe('writing over a checkpoint', () => {
  it('replaces all of it', async () => {
    await writeCheckpoint(dir, model(1), { extraFiles: { 'tokenizer.json': '{}' } });
    await writeCheckpoint(dir, model(2));
    expect(revision(await readCheckpoint(dir))).toBe(revision(model(2)));
    expect(await tokenizerFiles(dir)).toEqual({});
    expect(await readdir(root)).toEqual(['M1']);
  });

  it('leaves a folder that is no checkpoint, or a file, alone', async () => {
    await mkdir(dir);
    await writeFile(join(dir, 'thesis.tex'), 'years of work');
    expect((await failure(writeCheckpoint(dir, model(1)))).message).toContain('is no checkpoint');
    expect(await readdir(dir)).toEqual(['thesis.tex']);
    const file = join(root, 'notes');
    await writeFile(file, 'keep');
    expect((await failure(writeCheckpoint(file, model(1)))).kind).toBe('disk');
    expect((await failure(writeCheckpoint(join(file, 'M1'), model(1)))).kind).toBe('disk');
    expect(await readFile(file, 'utf8')).toBe('keep');
    expect((await readdir(root)).sort()).toEqual(['M1', 'notes']);
  });

  it('fills an empty folder', async () => {
    await mkdir(dir);
    await writeCheckpoint(dir, model(1));
    expect(revision(await readCheckpoint(dir))).toBe(revision(model(1)));
  });

  it.each([
    ['ENOSPC', 'the disk is full'],
    ['EACCES', 'permission denied'],
  ])('keeps the old one and no draft when the file system says %s', async (code, reason) => {
    await writeCheckpoint(dir, model(1));
    const refused = Object.assign(new Error(`${code}: write`), { code, syscall: 'write' });
    vi.mocked(safetensors.writeSafetensors).mockRejectedValueOnce(refused);
    const error = await failure(writeCheckpoint(dir, model(2)));
    expect(error).toMatchObject({ kind: 'disk', cause: refused });
    expect(error.message).toContain(reason);
    expect(await readdir(root)).toEqual(['M1']);
    expect(revision(await readCheckpoint(dir))).toBe(revision(model(1)));
  });

  it('puts the old one back when the new one cannot take its name', async () => {
    await writeCheckpoint(dir, model(1));
    const refused = Object.assign(new Error('EPERM: rename'), { code: 'EPERM', syscall: 'rename' });
    const { rename: real } = await vi.importActual<{ rename: typeof rename }>('node:fs/promises');
    vi.mocked(rename).mockImplementationOnce(real).mockRejectedValueOnce(refused);
    expect(await failure(writeCheckpoint(dir, model(2)))).toMatchObject({ kind: 'disk', cause: refused });
    expect(await readdir(root)).toEqual(['M1']);
    expect(revision(await readCheckpoint(dir))).toBe(revision(model(1)));
  });

  it('recovers from a writer that was killed between its two renames, or within its draft', async () => {
    await writeCheckpoint(dir, model(1));
    await rename(dir, join(root, '.M1.previous'));
    await mkdir(join(root, '.M1.draft-0'));
    await mkdir(join(root, '.M10.draft-0'));
    expect(revision(await readCheckpoint(dir))).toBe(revision(model(1)));
    await writeCheckpoint(dir, model(2));
    expect(revision(await readCheckpoint(dir))).toBe(revision(model(2)));
    expect((await readdir(root)).sort()).toEqual(['.M10.draft-0', 'M1']);
  });
});

describe('reading refuses, by name,', () => {
  /** A folder of this config and these tensors. */
  async function folder(
    tensors: safetensors.NamedTensor[],
    change: Partial<LlamaConfig> = {},
  ): Promise<void> {
    await mkdir(dir, { recursive: true });
    await writeFile(join(dir, 'config.json'), configText({ ...config, ...change }));
    await safetensors.writeSafetensors(join(dir, 'model.safetensors'), tensors);
  }
  const tensors = tensorsOf(model(1));

  it('a folder that is not there, or lacks files', async () => {
    expect(await failure(readCheckpoint(dir))).toMatchObject({ kind: 'disk' });
    await mkdir(dir);
    expect((await failure(readCheckpoint(dir))).message).toContain('config.json');
    await writeFile(join(dir, 'config.json'), configText(config));
    expect((await failure(readCheckpoint(dir))).message).toContain('holds no model.safetensors');
    await writeFile(join(dir, 'pytorch_model.bin'), '');
    expect((await failure(readCheckpoint(dir))).remedy).toContain('transformers');
  });

  it('missing tensors', async () => {
    await folder(tensors.filter(({ name }) => !name.includes('layers.1.')));
    const { message } = await failure(readCheckpoint(dir));
    expect(message).toContain('model.layers.1.input_layernorm.weight');
    expect(message).toContain('and 6 more');
  });

  it('tensors too many', async () => {
    await folder([
      ...tensors,
      { name: 'model.layers.0.self_attn.q_proj.bias', shape: [1], data: new Float32Array(1) },
    ]);
    expect((await failure(readCheckpoint(dir))).message).toContain('q_proj.bias');
  });

  it('wrong shapes', async () => {
    await folder(
      tensors.map((tensor) => (tensor.name.includes('1.mlp.up') ? { ...tensor, shape: [8, 12] } : tensor)),
    );
    expect((await failure(readCheckpoint(dir))).message).toContain(
      'up_proj.weight is [8,12] where config.json asks',
    );
  });

  it('a config that claims a model of any size, without making room for it', async () => {
    await folder(tensors, { numHiddenLayers: 1e6 });
    expect((await failure(readCheckpoint(dir))).message).toContain('layers');
    await folder(tensors, { vocabSize: 2 ** 25 });
    expect((await failure(readCheckpoint(dir))).message).toContain('embed_tokens');
  });

  it('a tied head that differs; one that is a copy is fine, and so are rotary frequencies', async () => {
    const embedding = tensors[0]!.data;
    const tied = tensors.filter(({ name }) => name !== 'lm_head.weight');
    const copy = { name: 'lm_head.weight', shape: [13, 8], data: embedding };
    const frequencies = {
      name: 'model.layers.0.self_attn.rotary_emb.inv_freq',
      shape: [2],
      data: new Float32Array(2),
    };
    await folder([...tied, copy, frequencies], { tieWordEmbeddings: true });
    expect((await readCheckpoint(dir)).get('model.embed_tokens.weight')).toEqual(embedding);
    await folder([...tied, { ...copy, data: embedding.map((x) => x + 1) }], { tieWordEmbeddings: true });
    expect((await failure(readCheckpoint(dir))).message).toContain('differs');
  });

  describe('sharded weights', () => {
    const index = (map: unknown) => writeFile(join(dir, 'model.safetensors.index.json'), JSON.stringify(map));
    const names = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'] as const;
    beforeEach(async () => {
      await folder([]);
      await rm(join(dir, 'model.safetensors'));
      await safetensors.writeSafetensors(join(dir, names[0]), tensors.slice(0, 5));
      await safetensors.writeSafetensors(join(dir, names[1]), tensors.slice(5));
    });

    it('are read', async () => {
      await index({
        weight_map: Object.fromEntries(tensors.map(({ name }, i) => [name, names[i < 5 ? 0 : 1]])),
      });
      expect(revision(await readCheckpoint(dir))).toBe(revision(model(1)));
    });

    it.each([
      [{}],
      [null],
      [[]],
      [{ weight_map: null }],
      [{ weight_map: { x: '../../x' } }],
      [{ weight_map: { x: 3 } }],
    ])('under the index %j are refused', async (map) => {
      await index(map);
      expect((await failure(readCheckpoint(dir))).message).toContain('weight_map');
    });

    it('that overlap or are absent are refused', async () => {
      await index({ weight_map: { x: names[0], y: 'gone.safetensors' } });
      expect((await failure(readCheckpoint(dir))).message).toContain('gone.safetensors');
      await safetensors.writeSafetensors(join(dir, names[1]), tensors);
      await index({ weight_map: { x: names[0], y: names[1] } });
      expect((await failure(readCheckpoint(dir))).message).toContain('two files hold');
    });
  });
});

describe('revision', () => {
  it('is 16 hexadecimal digits of config and weights', async () => {
    const parameters = model(1);
    const before = revision(parameters);
    expect(before).toMatch(/^[0-9a-f]{16}$/);
    expect(revision(model(1))).toBe(before);
    expect(revision(model(1, { ropeTheta: 5000 }))).not.toBe(before);
    parameters.flat[parameters.flat.length - 1]! += 1e-3;
    expect(revision(parameters)).not.toBe(before);
  });

  it('outlives the disk', async () => {
    await writeCheckpoint(dir, model(3));
    expect(revision(await readCheckpoint(dir))).toBe(revision(model(3)));
  });
});

describe('weights that will not change', () => {
  /** A checkpoint whose weights are stored in 16 bits. */
  async function narrow(dtype: 'F16' | 'BF16', bitsOf: (value: number) => number): Promise<Parameters> {
    const parameters = model(3);
    await writeCheckpoint(dir, parameters);
    const header: Record<string, object> = {};
    let at = 0;
    for (const { name, shape } of parameters.shapes) {
      const end = at + 2 * parameters.get(name).length;
      header[name] = { dtype, shape, data_offsets: [at, end] };
      at = end;
    }
    const json = Buffer.from(JSON.stringify(header));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(json.length));
    const bits = Uint16Array.from(parameters.flat, bitsOf);
    const bytes = Buffer.concat([length, json, Buffer.from(bits.buffer)]);
    await writeFile(join(dir, 'model.safetensors'), bytes);
    return readCheckpoint(dir);
  }
  const upper = (value: number) => new Uint32Array(Float32Array.of(value).buffer)[0]! >>> 16;
  const half = (value: number) => new Uint16Array(Float16Array.of(value).buffer)[0]!;

  it.each([
    ['F16', half],
    ['BF16', upper],
  ] as const)('stay in 16 bits where they are stored as %s', async (dtype, bitsOf) => {
    const wide = await narrow(dtype, bitsOf);
    const found = await readFrozen(dir, 1);
    expect(found).toBeInstanceOf(HalfParameters);
    expect(found.config).toEqual(wide.config);
    for (const [i, value] of wide.flat.entries())
      expect(Math.abs(found.flat[i]! - value)).toBeLessThanOrEqual(dtype === 'F16' ? 0 : 3e-8);
  });

  it('are float32 where they are few, or are stored so', async () => {
    await narrow('F16', half);
    expect(await readFrozen(dir)).toBeInstanceOf(Parameters);
    await writeCheckpoint(dir, model(3));
    expect(await readFrozen(dir, 1)).toEqual(await readCheckpoint(dir));
  });

  it('are refused where 16 bits do not hold them', async () => {
    await narrow('BF16', () => upper(70_000));
    expect(await failure(readFrozen(dir, 1))).toMatchObject({
      kind: 'unsupported',
      message: expect.stringContaining('65,504'),
      remedy: expect.stringContaining('float32'),
    });
  });
});
