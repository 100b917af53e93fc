import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CheckpointError } from '../errors.ts';
import { openGguf } from '../gguf/file.ts';
import { type GgufEntry, writeGguf } from '../gguf/write.ts';
import { revision } from './checkpoint.ts';
import type { LlamaConfig } from './config.ts';
import { readGguf, writeModelGguf } from './gguf.ts';
import { ggufEntries } from './gguf-config.ts';
import { ggufName, reorderRows } from './gguf-names.ts';
import { REFUSED, WRITTEN } from './gguf-shapes.contract.ts';
import type { Parameters } from './parameters.ts';
import { tinyParameters } from './tiny.contract.ts';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gguf-'));
  path = join(folder, 'model.gguf');
});
afterEach(() => rm(folder, { recursive: true }));

const PLAIN = { numbers: 'f32', entries: [] } as const;

/** Llama 3.2's, whose numbers a file is known by. */
const LLAMA3: Partial<LlamaConfig> = {
  headDim: 64,
  ropeTheta: 500_000,
  ropeScaling: {
    type: 'llama3',
    factor: 32,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalMaxPositionEmbeddings: 8192,
  },
};

describe('a model that is written is the one that is read', () => {
  const others = WRITTEN.filter(([, { ropeScaling }]) => ropeScaling?.type !== 'llama3');
  it.each([...others, ['llama3 scaling', LLAMA3] as const])('%s', async (_, change) => {
    const parameters = tinyParameters({ ...change, eosTokenIds: [4, 1, 7] });
    await writeModelGguf(path, parameters, PLAIN);
    const read = await readGguf(path);
    expect(revision(read)).toBe(revision(parameters));
    const { source: _source, ...config } = read.config;
    const { attentionBias = false, mlpBias = false, modelType = 'llama', ...rest } = parameters.config;
    expect(config).toEqual({ ...rest, attentionBias, mlpBias, modelType });
  });
});

it('the halves of a head lie there interleaved', () => {
  const { config } = tinyParameters();
  const [heads, d, width] = [config.numAttentionHeads, config.headDim, 3];
  // Each row holds its own number.
  const rows = Float32Array.from({ length: heads * d * width }, (_, i) => Math.floor(i / width));
  const moved = reorderRows('model.layers.0.self_attn.q_proj.weight', config, rows);
  for (let h = 0; h < heads; h++)
    for (const s of [0, 1])
      for (let i = 0; i < d / 2; i++)
        expect(moved[(h * d + 2 * i + s) * width]).toBe(h * d + (s * d) / 2 + i);
});

it.each(['f16', 'q8_0'] as const)('%s comes near', async (numbers) => {
  const parameters = tinyParameters({ hiddenSize: 32, intermediateSize: 64 });
  await writeModelGguf(path, parameters, { numbers, entries: [] });
  const read = await readGguf(path);
  for (const { name, shape } of parameters.shapes) {
    const [found, exact] = [read.get(name), parameters.get(name)];
    const bound = shape.length < 2 ? 0 : numbers === 'f16' ? 2 ** -11 : 1 / 100;
    for (let i = 0; i < exact.length; i++) expect(Math.abs(found[i]! - exact[i]!)).toBeLessThanOrEqual(bound);
  }
});

describe('writing', () => {
  it('replaces a GGUF file, leaves any other alone, and leaves nothing behind where it fails', async () => {
    const parameters = tinyParameters();
    await writeModelGguf(path, parameters, PLAIN);
    await writeModelGguf(path, tinyParameters({ tieWordEmbeddings: true }), PLAIN);
    expect((await readGguf(path)).config.tieWordEmbeddings).toBe(true);
    const whole = await readFile(path);

    parameters.get('model.norm.weight');
    parameters.get('model.embed_tokens.weight')[5] = 70_000;
    const failed = writeModelGguf(path, parameters, { numbers: 'f16', entries: [] });
    await expect(failed).rejects.toThrow('token_embd.weight holds numbers beyond 65,504');
    expect(await readFile(path)).toEqual(whole);

    const mine = join(folder, 'mine');
    await writeFile(mine, 'notes');
    await expect(writeModelGguf(mine, parameters, PLAIN)).rejects.toThrow('is no GGUF file');
    expect(await readFile(mine, 'utf8')).toBe('notes');
    expect(await readdir(folder)).toEqual(['mine', 'model.gguf']);
    await expect(writeModelGguf(join(folder, 'no', 'x.gguf'), parameters, PLAIN)).rejects.toMatchObject({
      kind: 'disk',
    });
  });

  it.each(REFUSED)('refuses %s', async (_, change) => {
    const written = writeModelGguf(path, tinyParameters(change), PLAIN);
    await expect(written).rejects.toMatchObject({ kind: 'unsupported' });
    expect(await readdir(folder)).toEqual([]);
  });
});

/** Write the tiny model with other metadata, or other tensors. */
async function changed(
  change: Record<string, GgufEntry | null>,
  parameters: Parameters = tinyParameters(),
  tensorNames: (name: string) => string | null = (name) => name,
): Promise<void> {
  const entries = ggufEntries(path, parameters.config).flatMap((entry): GgufEntry[] => {
    const other = change[entry[0]];
    return other === undefined ? [entry] : other === null ? [] : [other];
  });
  const known = new Set(entries.map(([key]) => key));
  const more = Object.values(change).flatMap((entry) => (entry && !known.has(entry[0]) ? [entry] : []));
  const tensors = parameters.shapes.flatMap(({ name, shape }) => {
    const other = tensorNames(ggufName(name));
    return other === null ? [] : [{ name: other, shape, data: () => parameters.get(name) as Float32Array }];
  });
  await writeGguf(path, { entries: [...entries, ...more], tensors, numbers: 'f32' });
}

const entry = (key: string, value: number): Record<string, GgufEntry> => ({ [key]: [key, 'uint32', value] });
const word = (key: string, value: string): Record<string, GgufEntry> => ({ [key]: [key, 'string', value] });

describe('is refused, in one line', () => {
  it.each<[string, Record<string, GgufEntry | null>, string]>([
    ['another architecture', word('general.architecture', 'gemma3'), 'its architecture is "gemma3"'],
    ['no architecture', { 'general.architecture': null }, 'its architecture is absent'],
    ['a mixture of experts', entry('llama.expert_count', 8), 'mixture of experts'],
    ['a size that is missing', { 'llama.block_count': null }, 'does not say llama.block_count'],
    ['more layers than tensors', entry('llama.block_count', 2 ** 26), 'num_hidden_layers is 67108864'],
    ['fewer layers', entry('llama.block_count', 1), 'does not know: "blk.1.'],
    ['another size', entry('llama.feed_forward_length', 24), 'where its metadata ask for'],
    ['a size beyond any model', entry('llama.embedding_length', 2 ** 31), 'hidden_size is 2147483648'],
    ['heads that do not fit', entry('llama.attention.head_count_kv', 3), 'cannot share'],
    ['other heads for values', entry('llama.attention.value_length', 8), 'values are of another size'],
    ['a part of heads rotated', entry('llama.rope.dimension_count', 8), 'rotates 8 numbers of a head of 16'],
    ['another rope', word('llama.rope.scaling.type', 'yarn'), 'its rope scaling is "yarn"'],
    ['no end of text', { 'tokenizer.ggml.eos_token_id': null }, 'no eos_token_id'],
    ['an end that is no token', entry('tokenizer.ggml.eos_token_id', 23), 'eos_token_id is 23'],
  ])('%s', async (_, change, message) => {
    await changed(change);
    await expect(readGguf(path)).rejects.toThrow(message);
  });

  it.each([
    ['that is missing', (name: string) => (name === 'blk.1.ffn_up.weight' ? null : name), 'missing from'],
    ['too many', (name: string) => (name === 'output.weight' ? 'more.weight' : name), 'does not know: "more'],
    [
      'of unknown frequencies',
      (name: string) => (name === 'output.weight' ? 'rope_freqs.weight' : name),
      'rope_freqs',
    ],
  ])('a tensor %s', async (_, rename, message) => {
    await changed({}, tinyParameters(), rename);
    await expect(readGguf(path)).rejects.toThrow(message);
  });

  it('numbers that are none', async () => {
    const parameters = tinyParameters();
    parameters.get('model.norm.weight')[3] = Number.NaN;
    await writeModelGguf(path, parameters, PLAIN);
    await expect(readGguf(path)).rejects.toThrow('holds NaN at 3');
  });

  it('divisors of a scaling that is not the published one', async () => {
    const { ropeScaling } = LLAMA3;
    const other = { ...ropeScaling, originalMaxPositionEmbeddings: 4096 } as LlamaConfig['ropeScaling'];
    await writeModelGguf(path, tinyParameters({ ...LLAMA3, ropeScaling: other as never }), PLAIN);
    await expect(readGguf(path)).rejects.toThrow("other divisors than Llama 3's");
  });
});

it('with any bytes of its header changed is read or refused', async () => {
  await writeModelGguf(path, tinyParameters(), PLAIN);
  const whole = await readFile(path);
  const file = await openGguf(path);
  await file.close();
  const header = Math.min(...[...file.tensors.values()].map(({ begin }) => begin));
  const change = fc.tuple(fc.nat(header - 1), fc.nat(255));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
      const content = Buffer.from(whole);
      for (const [at, value] of changes) content[at] = value;
      await writeFile(path, content);
      await readGguf(path).catch((error: unknown) => expect(error).toBeInstanceOf(CheckpointError));
    }),
    { numRuns: 300 },
  );
});
