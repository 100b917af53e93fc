import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../errors.ts';
import type { LlamaConfig } from './config.ts';
import { configFromJson, configToJson } from './config-json.ts';

const config: LlamaConfig = {
  vocabSize: 300,
  hiddenSize: 32,
  intermediateSize: 40,
  numHiddenLayers: 3,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  headDim: 8,
  maxPositionEmbeddings: 128,
  rmsNormEps: 1e-5,
  ropeTheta: 500_000,
  tieWordEmbeddings: true,
  bosTokenId: 0,
  eosTokenId: 1,
  padTokenId: 2,
};
const json = configToJson(config);
const parse = (raw: unknown) => configFromJson('x/config.json', JSON.stringify(raw));
const without = (...names: string[]) =>
  Object.fromEntries(Object.entries(json).filter(([name]) => !names.includes(name)));

function failure(raw: unknown): CheckpointError {
  try {
    parse(raw);
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError);
    return error as CheckpointError;
  }
  throw new Error('it was accepted');
}

it('reads what it writes', () => {
  expect(parse(json)).toEqual(config);
  expect(json).toMatchObject({
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    dtype: 'float32',
    rope_parameters: { rope_theta: 500_000, rope_type: 'default' },
  });
});

describe('older configs', () => {
  it('with rope_theta at the top, torch_dtype and rope_scaling null', () => {
    const old = {
      ...without('rope_parameters', 'dtype'),
      rope_theta: 250_000,
      torch_dtype: 'bfloat16',
      rope_scaling: null,
    };
    expect(parse(old)).toEqual({ ...config, ropeTheta: 250_000 });
  });

  it('without the fields that came later take transformers’ defaults', () => {
    const early = without(
      'num_key_value_heads',
      'head_dim',
      'rope_parameters',
      'tie_word_embeddings',
      'attention_bias',
    );
    expect(parse(early)).toEqual({
      ...config,
      numKeyValueHeads: 4,
      ropeTheta: 10_000,
      tieWordEmbeddings: false,
    });
  });

  it('with tokens left open: the end of text stands in', () => {
    const open = { ...json, pad_token_id: null, bos_token_id: null, eos_token_id: [7] };
    expect(parse(open)).toMatchObject({ bosTokenId: 7, eosTokenId: 7, padTokenId: 7 });
  });
});

describe('what this engine does not run is refused by name', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['another architecture', { architectures: ['Qwen3ForCausalLM'] }, 'Qwen3ForCausalLM'],
    ['another model type', { model_type: 'mistral' }, 'mistral'],
    ['no model type', { model_type: undefined }, 'model_type'],
    ['scaled rope', { rope_parameters: { rope_type: 'llama3', rope_theta: 5e5, factor: 8 } }, 'llama3'],
    [
      'scaled rope of old',
      { rope_parameters: undefined, rope_scaling: { type: 'linear', factor: 2 } },
      'linear',
    ],
    ['biases in attention', { attention_bias: true }, 'attention_bias'],
    ['biases in the MLP', { mlp_bias: true }, 'mlp_bias'],
    ['another activation', { hidden_act: 'gelu' }, 'hidden_act'],
    ['quantised weights', { quantization_config: { bits: 4 } }, 'quantization_config'],
    ['several ends of text', { eos_token_id: [1, 2] }, 'eos_token_id'],
  ])('%s', (_, change, name) => {
    const error = failure({ ...json, ...change });
    expect(error.kind).toBe('unsupported');
    expect(error.message).toContain(name);
    expect(error.message).toContain('x/config.json');
    expect(error.remedy).not.toBe('');
  });
});

describe('nonsense is refused', () => {
  it.each<[string, unknown, string]>([
    ['a list', [], 'not an object'],
    ['heads that do not divide', { ...json, num_key_value_heads: 3 }, 'evenly'],
    ['a width that does not divide', { ...without('head_dim'), hidden_size: 33 }, 'not divisible'],
    ['an odd head', { ...json, head_dim: 7 }, 'odd'],
    ['no layers', { ...json, num_hidden_layers: 0 }, 'num_hidden_layers'],
    ['half a layer', { ...json, num_hidden_layers: 1.5 }, 'num_hidden_layers'],
    ['text for a number', { ...json, hidden_size: '32' }, 'hidden_size'],
    ['a token outside the vocabulary', { ...json, eos_token_id: 300 }, 'eos_token_id'],
    ['a negative token', { ...json, pad_token_id: -1 }, 'pad_token_id'],
    ['tie as text', { ...json, tie_word_embeddings: 'yes' }, 'tie_word_embeddings'],
    ['rope parameters that are a list', { ...json, rope_parameters: [] }, 'rope_parameters'],
    ['a negative θ', { ...json, rope_parameters: { rope_theta: -1 } }, 'rope_theta'],
  ])('%s', (_, raw, message) => {
    const error = failure(raw);
    expect(error.kind).toBe('format');
    expect(error.message).toContain(message);
  });

  it('text that is not JSON', () => {
    expect(() => configFromJson('x/config.json', '{')).toThrow(CheckpointError);
  });

  it('any JSON: a config or a CheckpointError, nothing else', () => {
    const field = fc.constantFrom(...Object.keys(json));
    fc.assert(
      fc.property(fc.dictionary(field, fc.jsonValue()), (changes) => {
        try {
          parse({ ...json, ...changes });
        } catch (error) {
          expect(error).toBeInstanceOf(CheckpointError);
        }
      }),
    );
  });
});
