import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeCheckpoint } from '../../engine/llama/checkpoint.ts';
import type { LlamaConfig } from '../../engine/llama/config.ts';
import { tinyParameters } from '../../engine/llama/tiny.contract.ts';
import { EvalPlannerError } from '../../errors.ts';
import { BOS_ID, EOS_ID, tokenizerConfig, tokenizerJson, VOCAB } from '../../playground/tokenizer.ts';
import { openCheckpoint } from './checkpoint.ts';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'open-'));
});
afterEach(() => rm(dir, { recursive: true }));

async function folder(
  change: Partial<LlamaConfig> = {},
  json: unknown = tokenizerJson(),
  config: unknown = tokenizerConfig(),
): Promise<string> {
  const text = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));
  const extraFiles = { 'tokenizer.json': text(json), 'tokenizer_config.json': text(config) };
  const model = join(dir, 'model');
  await writeCheckpoint(model, tinyParameters({ vocabSize: VOCAB.length, ...change }), { extraFiles });
  return model;
}

describe('what ends a text', () => {
  it('is what the tokenizer ends texts with, then what the model knows besides', async () => {
    const { parameters } = await openCheckpoint(await folder({ eosTokenIds: [7, EOS_ID, 9] }));
    expect(parameters.config.eosTokenIds).toEqual([EOS_ID, 7, 9]);
    const next = join(dir, 'next');
    await writeCheckpoint(next, parameters);
    const read = async (name: string) => JSON.parse(await readFile(join(next, name), 'utf8'));
    expect((await read('generation_config.json')).eos_token_id).toEqual([EOS_ID, 7, 9]);
    expect((await read('config.json')).eos_token_id).toEqual([7, EOS_ID, 9]);
  });

  it('is what the model knows where the tokenizer names none', async () => {
    const { eos_token: _, ...config } = tokenizerConfig();
    const model = await folder({ eosTokenIds: [7, 9] }, tokenizerJson(), config);
    expect((await openCheckpoint(model)).parameters.config.eosTokenIds).toEqual([7, 9]);
    await rm(join(model, 'tokenizer_config.json'));
    expect((await openCheckpoint(model)).parameters.config.eosTokenIds).toEqual([7, 9]);
  });

  it('may be described by an object, as added tokens are', async () => {
    const config = { ...tokenizerConfig(), eos_token: { __type: 'AddedToken', content: '</s>' } };
    const model = await folder({ eosTokenIds: [7] }, tokenizerJson(), config);
    expect((await openCheckpoint(model)).parameters.config.eosTokenIds).toEqual([EOS_ID, 7]);
  });
});

it('ends a text with what only special_tokens_map.json names', async () => {
  const { eos_token: _, ...config } = tokenizerConfig();
  const model = await folder({ eosTokenIds: [7] }, tokenizerJson(), config);
  await writeFile(join(model, 'special_tokens_map.json'), JSON.stringify({ eos_token: { content: '</s>' } }));
  expect((await openCheckpoint(model)).parameters.config.eosTokenIds).toEqual([EOS_ID, 7]);
  await writeFile(join(model, 'special_tokens_map.json'), '{');
  await expect(openCheckpoint(model)).rejects.toThrow('special_tokens_map.json is not JSON');
});

describe('the tokenizer', () => {
  it('puts the begin of text before a prompt, once, where its post-processor does', async () => {
    const post_processor = {
      type: 'TemplateProcessing',
      single: [
        { SpecialToken: { id: '<s>', type_id: 0 } },
        { Sequence: { id: 'A', type_id: 0 } },
        { SpecialToken: { id: '</s>', type_id: 0 } },
      ],
      pair: [],
      special_tokens: {
        '<s>': { id: '<s>', ids: [BOS_ID], tokens: ['<s>'] },
        '</s>': { id: '</s>', ids: [EOS_ID], tokens: ['</s>'] },
      },
    };
    const json = { ...tokenizerJson(), post_processor };
    const { tokenizer } = await openCheckpoint(await folder({}, json));
    const plain = tokenizer.encode(' dog');
    expect(tokenizer.start(' dog')).toEqual([BOS_ID, ...plain]);
    expect(tokenizer.start('<s> dog')).toEqual([BOS_ID, ...plain]);
    const { tokenizer: without } = await openCheckpoint(await folder());
    expect(without.start(' dog')).toEqual(plain);
  });

  it.each([
    ['Instruction: Name 2 words that start with h. <answer> hoe hammer', false],
    ['Instruction: What is the capital of France?', true],
    ['Instruction: Name 123 words', true],
    ['Instruction: Name 2 words … dog', true],
  ])('tells %s with words that it lacks: %s', async (text, foreign) => {
    const { tokenizer } = await openCheckpoint(await folder());
    expect(tokenizer.foreign(tokenizer.encode(text))).toBe(foreign);
  });

  it('tells them by its unknown token, where it has one', async () => {
    const vocab = { '[UNK]': 0, dog: 1, bird: 2, '##s': 3 };
    const model = { type: 'WordPiece', unk_token: '[UNK]', vocab, continuing_subword_prefix: '##' };
    const json = { ...tokenizerJson(), model, pre_tokenizer: { type: 'Whitespace' }, added_tokens: [] };
    const { tokenizer } = await openCheckpoint(await folder({}, json));
    const foreign = (text: string) => tokenizer.foreign(tokenizer.encode(text));
    expect(['dog birds', 'dog cat'].map(foreign)).toEqual([false, true]);
  });

  it('reads over ids that the model has and it has not', async () => {
    const { tokenizer } = await openCheckpoint(await folder({ vocabSize: VOCAB.length + 20 }));
    const [dog] = tokenizer.encode(' dog') as [number];
    expect(tokenizer.decode([VOCAB.length + 3, dog, VOCAB.length])).toBe(tokenizer.decode([dog]));
    expect(tokenizer.decode([VOCAB.length + 3])).toBe('');
  });
});

describe('a tokenizer that does not fit is refused', () => {
  it.each<[string, unknown, unknown, RegExp]>([
    ['not JSON', '{', '{}', /tokenizer.json is not JSON/],
    ['null', 'null', '{}', /tokenizer.json is not an object/],
    ['a config that is a number', tokenizerJson(), '3', /tokenizer_config.json is not an object/],
    ['nothing in it', '{}', '{}', /no tokenizer that is understood/],
    ['a list', '[]', '{}', /no tokenizer that is understood/],
    ['a model of nothing', { ...tokenizerJson(), model: {} }, '{}', /no tokenizer that is understood/],
    [
      'an unknown model',
      { ...tokenizerJson(), model: { type: 'x' } },
      '{}',
      /no tokenizer that is understood/,
    ],
  ])('%s', async (_, json, config, message) => {
    const error = await openCheckpoint(await folder({}, json, config)).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(EvalPlannerError);
    expect(error).toMatchObject({ code: 'model', message: expect.stringMatching(message) });
    expect((error as EvalPlannerError).remedy).toContain('AutoTokenizer');
  });

  it('one of a larger vocabulary', async () => {
    const error = await openCheckpoint(await folder({ vocabSize: 300 })).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(EvalPlannerError);
    expect((error as Error).message).toContain(
      `the token ${VOCAB.length - 1}, and its model knows 300 tokens`,
    );
  });

  it('none at all', async () => {
    const model = await folder();
    await rm(join(model, 'tokenizer.json'));
    await expect(openCheckpoint(model)).rejects.toThrow('there is no tokenizer.json');
    await writeFile(join(model, 'config.json'), '{');
    await expect(openCheckpoint(model)).rejects.toBeInstanceOf(EvalPlannerError);
  });
});
