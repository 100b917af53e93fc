import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { GgufMetadata, GgufValue } from '../../engine/gguf/header.ts';
import type { GgufEntry } from '../../engine/gguf/write.ts';
import { revision, writeCheckpoint } from '../../engine/llama/checkpoint.ts';
import { tinyParameters } from '../../engine/llama/tiny.contract.ts';
import { EvalPlannerError } from '../../errors.ts';
import { copyFolder } from '../../files.ts';
import { openTrainee } from '../../trainer/trainee.ts';
import { openCheckpoint } from './checkpoint.ts';
import { mergeCheckpoint } from './copy.ts';
import { tokenizerOfGguf } from './gguf-tokenizer.ts';
import { entriesOfTokenizer } from './gguf-tokenizer-write.ts';
import { exportGguf } from './gguf-write.ts';
import { openTokenizer } from './open-tokenizer.ts';
import { PRE_TOKENIZERS } from './pre-tokenizer.ts';
import { byteLevel, sentencePiece, TEMPLATE } from './tokenizer-files.contract.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gguf-'));
});
afterEach(() => rm(folder, { recursive: true }));

const ROWS = 400;

/** As a file would hold them. */
function metadataOf(entries: readonly GgufEntry[]): GgufMetadata {
  const typed = ([, type, value]: GgufEntry): GgufValue =>
    type === 'int32s' ? Int32Array.from(value) : type === 'float32s' ? Float32Array.from(value) : value;
  const ids = ['bos', 'eos', 'padding'].map(
    (name, i) => [`tokenizer.ggml.${name}_token_id`, [0, 2, 0][i]!] as const,
  );
  return new Map<string, GgufValue>([...entries.map((entry) => [entry[0], typed(entry)] as const), ...ids]);
}

const TEXTS = [
  'the  the',
  ' a 12  12 the',
  'Café\u0301 nan\n\n',
  "I'm <|im_start|>the<|im_end|> <think>",
  '',
  '漢 👍',
  '1212 the',
];

describe('a tokenizer is the same behind a GGUF file', () => {
  const kinds = PRE_TOKENIZERS.map((pre) => [pre.names[0] as string, byteLevel(pre, pre.beginning)] as const);
  const pieces = [true, false].map(
    (prefix) => [`SentencePiece, a space before: ${prefix}`, sentencePiece(prefix)] as const,
  );
  it.each([...kinds, ...pieces])('%s', (_, files) => {
    const made = tokenizerOfGguf('x.gguf', metadataOf(entriesOfTokenizer('dir', files, ROWS)));
    const [before, after] = [openTokenizer('dir', files), openTokenizer('x.gguf', made)];
    for (const text of TEXTS) {
      expect(after.encode(text), text).toEqual(before.encode(text));
      expect(after.start(text), text).toEqual(before.start(text));
      expect(after.decode(before.encode(text)), text).toBe(before.decode(before.encode(text)));
    }
    expect(after.special).toEqual(before.special);
    expect(after.eos).toBe(before.eos);
    expect(made['chat_template.jinja']).toBe(TEMPLATE);
  });

  it('which names how it cuts', () => {
    for (const pre of PRE_TOKENIZERS) {
      const metadata = metadataOf(entriesOfTokenizer('dir', byteLevel(pre), ROWS));
      expect(metadata.get('tokenizer.ggml.pre')).toBe(pre.names[0]);
      expect(metadata.get('tokenizer.ggml.add_bos_token')).toBe(false);
    }
  });
});

describe('is refused, by name', () => {
  const sound = () => new Map(metadataOf(entriesOfTokenizer('dir', byteLevel(PRE_TOKENIZERS[1]!), ROWS)));
  const list = (change: (tokens: string[]) => void) => {
    const tokens = [...(sound().get('tokenizer.ggml.tokens') as readonly string[])];
    change(tokens);
    return tokens;
  };
  it.each<[string, string, GgufValue | undefined, string]>([
    ['another kind of tokenizer', 'model', 'bert', 'its tokenizer is "bert"'],
    ['another way to cut', 'pre', 'kimi-k2', 'its pre-tokenizer is "kimi-k2"'],
    ['no tokens', 'tokens', undefined, 'tokens is no list of texts'],
    ['tokens that are numbers', 'tokens', Int32Array.of(1), 'tokens is no list of texts'],
    ['a token twice', 'tokens', list((all) => (all[9] = 'a')), 'two of its tokens are the same'],
    ['a token without end', 'tokens', list((all) => (all[9] = 'a'.repeat(5000))), 'a token has 5000'],
    ['types of other tokens', 'token_type', Int32Array.of(1), 'the types of 1'],
    ['no merges', 'merges', undefined, 'merges is no list of texts'],
    ['a merge of three', 'merges', ['a b c'], 'the merge 0 is "a b c"'],
    ['a merge of no tokens', 'merges', ['a bb'], 'are no tokens'],
    ['an end that is no token', 'eos_token_id', 400, 'eos_token_id is 400'],
  ])('%s', (_, name, value, message) => {
    const metadata = sound();
    if (value === undefined) metadata.delete(`tokenizer.ggml.${name}`);
    else metadata.set(`tokenizer.ggml.${name}`, value);
    const made = () => tokenizerOfGguf('x.gguf', metadata);
    expect(made).toThrow(EvalPlannerError);
    expect(made).toThrow(message);
  });

  it.each([
    ['whole words', { merges: [] }, {}, 'has no merges'],
    ['another model', { type: 'Unigram' }, {}, 'is "Unigram"'],
    ['another way to cut', {}, { pre_tokenizer: { type: 'Whitespace' } }, 'in a way of its own'],
    ['another normalizer', {}, { normalizer: { type: 'Lowercase' } }, 'in a way of its own'],
  ])('a tokenizer that llama.cpp has none of: %s', (_, model, rest, message) => {
    const files = byteLevel(PRE_TOKENIZERS[0]!);
    const json = JSON.parse(files['tokenizer.json']!);
    const text = JSON.stringify({ ...json, ...rest, model: { ...json.model, ...model } });
    expect(() => entriesOfTokenizer('dir', { ...files, 'tokenizer.json': text }, ROWS)).toThrow(message);
  });
});

it('a model is opened, trained and merged from its GGUF file as from its folder', async () => {
  const [dir, file] = [join(folder, 'model'), join(folder, 'model.gguf')];
  const parameters = tinyParameters({ vocabSize: ROWS, eosTokenIds: [2], bosTokenId: 0, padTokenId: 0 });
  await writeCheckpoint(dir, parameters, { extraFiles: byteLevel(PRE_TOKENIZERS[1]!) });
  await exportGguf(dir, file, 'f32');
  const opened = await openCheckpoint(file);
  expect(revision(opened.parameters)).toBe(revision((await openCheckpoint(dir)).parameters));
  // As a start that stays the judge, and as the hub has them.
  const kept = join(folder, 'kept');
  await copyFolder(file, kept);
  expect((await openCheckpoint(kept)).parameters.flat).toEqual(opened.parameters.flat);

  const optimisation = { seed: 0, lora: { rank: 2, alpha: 4, targets: ['q_proj'] } };
  const trainee = await openTrainee({ model: file, optimisation: optimisation as never }, 'cpu');
  trainee.adapter?.flat.fill(0.05);
  const adapter = join(folder, 'adapter');
  await trainee.save(adapter);
  expect(
    JSON.parse(await readFile(join(adapter, 'adapter_config.json'), 'utf8')).base_model_name_or_path,
  ).toBe(file);
  const merged = await openCheckpoint(adapter);
  expect(merged.parameters.flat).not.toEqual(opened.parameters.flat);

  const [whole, small] = [join(folder, 'whole'), join(folder, 'small.gguf')];
  await mergeCheckpoint(adapter, whole);
  expect((await openCheckpoint(whole)).parameters.flat).toEqual(merged.parameters.flat);
  await exportGguf(adapter, small, 'f32');
  expect((await openCheckpoint(small)).parameters.flat).toEqual(merged.parameters.flat);
  expect((await openCheckpoint(small)).tokenizer.encode('the 12')).toEqual(opened.tokenizer.encode('the 12'));
});
