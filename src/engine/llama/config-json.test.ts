import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CheckpointError } from '../errors.ts';
import { totalSize } from '../tensors.ts';
import type { LlamaConfig } from './config.ts';
import { configFromJson, configText, generationConfig, modelToJson } from './config-json.ts';
import { parameterShapes } from './parameters.ts';

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
  eosTokenIds: [1],
  padTokenId: 2,
};
const json = modelToJson(config);
const parse = (raw: unknown) => configFromJson('x/config.json', JSON.stringify(raw));
/** What was read, as it would be made anew. */
const model = (raw: unknown) => modelToJson(parse(raw));
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
  expect(parse(json)).toMatchObject(config);
  expect(model(json)).toEqual(json);
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
    expect(parse(old)).toMatchObject({ ...config, ropeTheta: 250_000 });
  });

  it('without the fields that came later take transformers’ defaults', () => {
    const early = without(
      'num_key_value_heads',
      'head_dim',
      'rope_parameters',
      'tie_word_embeddings',
      'attention_bias',
    );
    expect(parse(early)).toMatchObject({
      ...config,
      numKeyValueHeads: 4,
      ropeTheta: 10_000,
      tieWordEmbeddings: false,
    });
  });

  it('with tokens left open: the end of text stands in', () => {
    const open = { ...json, pad_token_id: null, bos_token_id: null, eos_token_id: [7] };
    expect(parse(open)).toMatchObject({ bosTokenId: 7, eosTokenIds: [7], padTokenId: 7 });
  });
});

const QWEN2 = { architectures: ['Qwen2ForCausalLM'], model_type: 'qwen2' };
const MISTRAL = { architectures: ['MistralForCausalLM'], model_type: 'mistral' };
const SMOLLM3 = { architectures: ['SmolLM3ForCausalLM'], model_type: 'smollm3' };
const PHI3 = { architectures: ['Phi3ForCausalLM'], model_type: 'phi3' };
const QWEN3 = { architectures: ['Qwen3ForCausalLM'], model_type: 'qwen3' };

describe('the families', () => {
  it('Llama with biases', () => {
    const biases = { ...json, attention_bias: true, mlp_bias: true };
    expect(parse(biases)).toMatchObject({ modelType: 'llama', attentionBias: true, mlpBias: true });
    expect(model(biases)).toEqual(biases);
  });

  it('Qwen2, whose attention_bias says nothing and whose window is off', () => {
    const raw = { ...without('head_dim', 'bos_token_id', 'pad_token_id'), ...QWEN2, sliding_window: 32_768 };
    expect(parse({ ...raw, attention_bias: true })).toMatchObject({
      modelType: 'qwen2',
      attentionBias: false,
      headDim: 8,
      bosTokenId: 1,
      padTokenId: 1,
    });
    expect(parse({ ...raw, use_sliding_window: true, max_window_layers: 3 }).modelType).toBe('qwen2');
    expect(parse({ ...raw, layer_types: new Array(3).fill('full_attention') }).layers).toBeUndefined();
    expect(model(raw)).not.toHaveProperty('attention_bias');
  });

  it('Qwen3, whose heads are 128 wide when nothing is said', () => {
    expect(parse({ ...without('head_dim'), ...QWEN3 })).toMatchObject({ modelType: 'qwen3', headDim: 128 });
    expect(parse({ ...json, ...QWEN3, attention_bias: true }).attentionBias).toBe(true);
  });

  it.each<[string, Record<string, unknown>, number, boolean[]]>([
    ['Mistral by default', MISTRAL, 4096, [true, true, true]],
    ['Mistral', { ...MISTRAL, sliding_window: 8 }, 8, [true, true, true]],
    ['Qwen2', { ...QWEN2, use_sliding_window: true, max_window_layers: 1 }, 4096, [false, true, true]],
    [
      'Qwen3 by layer',
      {
        ...QWEN3,
        use_sliding_window: true,
        sliding_window: 5,
        layer_types: ['full_attention', 'sliding_attention', 'full_attention'],
      },
      5,
      [false, true, false],
    ],
  ])('%s may have windows, and says so again', (_, change, slidingWindow, sliding) => {
    const config = parse({ ...json, ...change });
    expect(config).toMatchObject({
      slidingWindow,
      layers: sliding.map((sliding) => ({ sliding, rotated: true })),
    });
    const { source: _source, ...known } = config;
    expect(parse(modelToJson(config))).toMatchObject(known);
  });

  it.each<[string, Record<string, unknown>, number[]]>([
    ['one in four, by default', { num_hidden_layers: 4 }, [1, 1, 1, 0]],
    ['one in so many', { no_rope_layer_interval: 2 }, [1, 0, 1]],
    ['listed', { no_rope_layers: [0, 1, 1] }, [0, 1, 1]],
  ])('SmolLM3 tells some layers no positions: %s', (_, change, rotated) => {
    const config = parse({ ...json, ...SMOLLM3, ...change });
    expect(config.layers).toEqual(rotated.map((turns) => ({ sliding: false, rotated: turns === 1 })));
    const { source: _source, ...known } = config;
    expect(parse(modelToJson(config))).toMatchObject(known);
  });

  it('SmolLM3 has its own defaults', () => {
    expect(parse(SMOLLM3)).toMatchObject({
      ropeTheta: 2e6,
      tieWordEmbeddings: true,
      eosTokenIds: [128_001],
      padTokenId: 128_004,
    });
    expect(failure({ ...json, ...SMOLLM3, no_rope_layers: [1, 0] }).message).toContain('layer 2');
  });

  it('OLMo 2 has no token that begins a text, and other defaults', () => {
    const { rms_norm_eps: _, bos_token_id: __, ...rest } = json as Record<string, unknown>;
    expect(parse({ ...rest, architectures: ['Olmo2ForCausalLM'], model_type: 'olmo2' })).toMatchObject({
      modelType: 'olmo2',
      rmsNormEps: 1e-5,
      bosTokenId: 1,
    });
  });

  const GEMMA3 = { architectures: ['Gemma3ForCausalLM'], model_type: 'gemma3_text' };
  it('Gemma 3, of old: windows in five layers of six, each kind with its rope', () => {
    const raw = {
      ...without('rope_parameters', 'hidden_act'),
      ...GEMMA3,
      num_hidden_layers: 7,
      rope_theta: 1e6,
      rope_local_base_freq: 20_000,
      rope_scaling: { rope_type: 'linear', factor: 8 },
      sliding_window: 512,
      sliding_window_pattern: 6,
      query_pre_attn_scalar: 168,
      hidden_activation: 'gelu_pytorch_tanh',
    };
    const config = parse(raw);
    expect(config).toMatchObject({
      ropeTheta: 1e6,
      ropeScaling: { type: 'linear', factor: 8 },
      localRope: { ropeTheta: 20_000 },
      slidingWindow: 512,
      queryPreAttnScalar: 168,
    });
    expect(config.layers?.map(({ sliding }) => Number(sliding))).toEqual([1, 1, 1, 1, 1, 0, 1]);
    const { source: _source, ...known } = config;
    expect(parse(modelToJson(config))).toMatchObject(known);
  });

  it('Gemma 3 takes its defaults, and refuses what its text model does not have', () => {
    expect(parse(GEMMA3)).toMatchObject({
      headDim: 256,
      ropeTheta: 1e6,
      localRope: { ropeTheta: 1e4 },
      queryPreAttnScalar: 256,
      tieWordEmbeddings: true,
    });
    const gemma = (change: Record<string, unknown>) =>
      failure({ ...without('rope_parameters', 'hidden_act'), ...GEMMA3, ...change }).message;
    expect(gemma({ final_logit_softcapping: 30 })).toContain('final_logit_softcapping');
    expect(gemma({ use_bidirectional_attention: true })).toContain('use_bidirectional_attention');
    expect(gemma({ hidden_activation: 'relu' })).toContain('hidden_activation');
    expect(gemma({ rope_parameters: { rope_theta: 1e4 } })).toContain('rope_theta');
  });

  it('Mistral of today has none', () => {
    const raw = { ...json, ...MISTRAL, sliding_window: null };
    expect(parse(raw)).not.toHaveProperty('layers');
    expect(model(raw).sliding_window).toBe(null);
  });

  it('take the defaults of their config classes', () => {
    const bare = { model_type: 'qwen2', eos_token_id: 1 };
    expect(parse(bare)).toMatchObject({ vocabSize: 151_936, numKeyValueHeads: 32, intermediateSize: 22_016 });
    expect(parse({ ...bare, num_attention_heads: 16, num_key_value_heads: null }).numKeyValueHeads).toBe(16);
    expect(parse({ model_type: 'llama', num_attention_heads: 8 })).toMatchObject({
      vocabSize: 32_000,
      numKeyValueHeads: 8,
      headDim: 512,
      eosTokenIds: [2],
    });
  });
});

it.each([
  [
    'Llama 3.2 1B',
    {
      architectures: ['LlamaForCausalLM'],
      attention_bias: false,
      attention_dropout: 0,
      bos_token_id: 128_000,
      eos_token_id: [128_001, 128_008, 128_009],
      head_dim: 64,
      hidden_act: 'silu',
      hidden_size: 2048,
      initializer_range: 0.02,
      intermediate_size: 8192,
      max_position_embeddings: 131_072,
      mlp_bias: false,
      model_type: 'llama',
      num_attention_heads: 32,
      num_hidden_layers: 16,
      num_key_value_heads: 8,
      pretraining_tp: 1,
      rms_norm_eps: 1e-5,
      rope_scaling: {
        factor: 32,
        high_freq_factor: 4,
        low_freq_factor: 1,
        original_max_position_embeddings: 8192,
        rope_type: 'llama3',
      },
      rope_theta: 500_000,
      tie_word_embeddings: true,
      torch_dtype: 'bfloat16',
      vocab_size: 128_256,
    },
    1_235_814_400,
  ],
  [
    'Qwen2.5 0.5B',
    {
      architectures: ['Qwen2ForCausalLM'],
      bos_token_id: 151_643,
      eos_token_id: 151_643,
      hidden_act: 'silu',
      hidden_size: 896,
      intermediate_size: 4864,
      max_position_embeddings: 32_768,
      max_window_layers: 24,
      model_type: 'qwen2',
      num_attention_heads: 14,
      num_hidden_layers: 24,
      num_key_value_heads: 2,
      rms_norm_eps: 1e-6,
      rope_theta: 1e6,
      sliding_window: 32_768,
      tie_word_embeddings: true,
      torch_dtype: 'bfloat16',
      use_mrope: false,
      use_sliding_window: false,
      vocab_size: 151_936,
    },
    494_032_768,
  ],
  [
    'Qwen3 0.6B',
    {
      architectures: ['Qwen3ForCausalLM'],
      attention_bias: false,
      bos_token_id: 151_643,
      eos_token_id: 151_645,
      head_dim: 128,
      hidden_act: 'silu',
      hidden_size: 1024,
      intermediate_size: 3072,
      max_position_embeddings: 40_960,
      max_window_layers: 28,
      model_type: 'qwen3',
      num_attention_heads: 16,
      num_hidden_layers: 28,
      num_key_value_heads: 8,
      rms_norm_eps: 1e-6,
      rope_scaling: null,
      rope_theta: 1e6,
      sliding_window: null,
      tie_word_embeddings: true,
      use_sliding_window: false,
      vocab_size: 151_936,
    },
    596_049_920,
  ],
  [
    'Mistral 7B v0.3',
    {
      architectures: ['MistralForCausalLM'],
      model_type: 'mistral',
      hidden_size: 4096,
      intermediate_size: 14_336,
      max_position_embeddings: 32_768,
      num_attention_heads: 32,
      num_hidden_layers: 32,
      num_key_value_heads: 8,
      rms_norm_eps: 1e-5,
      rope_theta: 1e6,
      sliding_window: null,
      tie_word_embeddings: false,
      vocab_size: 32_768,
    },
    7_248_023_552,
  ],
  [
    'SmolLM3 3B',
    {
      architectures: ['SmolLM3ForCausalLM'],
      model_type: 'smollm3',
      attention_bias: false,
      eos_token_id: 128_012,
      hidden_size: 2048,
      intermediate_size: 11_008,
      layer_types: new Array(36).fill('full_attention'),
      max_position_embeddings: 65_536,
      max_window_layers: 28,
      mlp_bias: false,
      no_rope_layer_interval: 4,
      no_rope_layers: Array.from({ length: 36 }, (_, layer) => Number(layer % 4 !== 3)),
      num_attention_heads: 16,
      num_hidden_layers: 36,
      num_key_value_heads: 4,
      pad_token_id: 128_004,
      rope_scaling: null,
      rope_theta: 5e6,
      sliding_window: null,
      use_sliding_window: false,
      vocab_size: 128_256,
    },
    3_075_098_624,
  ],
  [
    'OLMo 2 1B',
    {
      architectures: ['Olmo2ForCausalLM'],
      model_type: 'olmo2',
      eos_token_id: 100_257,
      hidden_size: 2048,
      intermediate_size: 8192,
      max_position_embeddings: 4096,
      num_attention_heads: 16,
      num_hidden_layers: 16,
      num_key_value_heads: 16,
      pad_token_id: 100_277,
      rms_norm_eps: 1e-6,
      rope_theta: 500_000,
      tie_word_embeddings: false,
      vocab_size: 100_352,
    },
    1_484_916_736,
  ],
  [
    'Phi-3 mini 4k',
    {
      architectures: ['Phi3ForCausalLM'],
      model_type: 'phi3',
      attention_bias: false,
      eos_token_id: 32_000,
      hidden_size: 3072,
      intermediate_size: 8192,
      max_position_embeddings: 4096,
      num_attention_heads: 32,
      num_hidden_layers: 32,
      num_key_value_heads: 32,
      original_max_position_embeddings: 4096,
      rms_norm_eps: 1e-5,
      rope_scaling: null,
      rope_theta: 10_000,
      sliding_window: 2047,
      tie_word_embeddings: false,
      vocab_size: 32_064,
    },
    3_821_079_552,
  ],
  [
    'Gemma 3 1B',
    {
      architectures: ['Gemma3ForCausalLM'],
      model_type: 'gemma3_text',
      attn_logit_softcapping: null,
      eos_token_id: [1, 106],
      final_logit_softcapping: null,
      head_dim: 256,
      hidden_activation: 'gelu_pytorch_tanh',
      hidden_size: 1152,
      intermediate_size: 6912,
      max_position_embeddings: 32_768,
      num_attention_heads: 4,
      num_hidden_layers: 26,
      num_key_value_heads: 1,
      query_pre_attn_scalar: 256,
      rms_norm_eps: 1e-6,
      rope_local_base_freq: 10_000,
      rope_scaling: null,
      rope_theta: 1e6,
      sliding_window: 512,
      sliding_window_pattern: 6,
      vocab_size: 262_144,
    },
    999_885_952,
  ],
])('%s has as many parameters as its card says', (_, raw, count) => {
  expect(totalSize(parameterShapes(parse(raw)))).toBe(count);
});

describe('scaled rope', () => {
  const llama3 = {
    rope_type: 'llama3',
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 64,
  };
  const scaling = {
    type: 'llama3',
    factor: 8,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalMaxPositionEmbeddings: 64,
  };

  it.each([
    ['of today', { ...json, rope_parameters: { rope_theta: 5e5, ...llama3 } }],
    ['of old', { ...without('rope_parameters'), rope_theta: 5e5, rope_scaling: llama3 }],
  ])('llama3 %s', (_, raw) => {
    const config = parse(raw);
    expect(config).toMatchObject({ ropeTheta: 5e5, ropeScaling: scaling });
    expect(modelToJson(config).rope_parameters).toEqual({ rope_theta: 5e5, ...llama3 });
  });

  it('llama3 without the first length was trained on this one', () => {
    const { original_max_position_embeddings: _, ...open } = llama3;
    const raw = { ...json, rope_parameters: { rope_theta: 5e5, ...open } };
    expect(parse(raw).ropeScaling).toMatchObject({ originalMaxPositionEmbeddings: 128 });
    // Outside of rope it goes before all, as in transformers.
    const outside = { ...json, original_max_position_embeddings: 32, rope_parameters: llama3 };
    expect(parse(outside).ropeScaling).toMatchObject({ originalMaxPositionEmbeddings: 32 });
  });

  it('yarn: what is absent follows from the paper, and what is there is kept', () => {
    const read = (rope: Record<string, unknown>) =>
      parse({ ...json, rope_parameters: { rope_theta: 1e6, rope_type: 'yarn', ...rope } });
    const first = { original_max_position_embeddings: 32 };
    expect(read({ factor: 4, ...first }).ropeScaling).toEqual({
      type: 'yarn',
      factor: 4,
      attentionFactor: 0.1 * Math.log(4) + 1,
      betaFast: 32,
      betaSlow: 1,
      originalMaxPositionEmbeddings: 32,
      truncate: true,
    });
    expect(read(first).ropeScaling).toMatchObject({ factor: 128 / 32 });
    const mscales = { mscale: 2, mscale_all_dim: 1 };
    const attentionFactor = (0.2 * Math.log(4) + 1) / (0.1 * Math.log(4) + 1);
    expect(read({ factor: 4, ...first, ...mscales }).ropeScaling).toMatchObject({ attentionFactor });
    const all = { factor: 8, attention_factor: 1.5, beta_fast: 16, beta_slow: 2, truncate: false, ...first };
    expect(modelToJson(read(all)).rope_parameters).toEqual({ rope_theta: 1e6, rope_type: 'yarn', ...all });
  });

  it.each(['longrope', 'su', 'yarn'])(
    'longrope of Phi-3, called %s: texts of the first length are run',
    (type) => {
      const { head_dim: headDim } = json as { head_dim: number };
      const [short, long] = [1, 9].map((factor) => Array.from({ length: headDim / 2 }, (_, i) => factor + i));
      const first = { original_max_position_embeddings: 16 };
      const scaled = { type, short_factor: short, long_factor: long };
      const old = { ...without('rope_parameters'), ...PHI3, ...first, rope_scaling: scaled };
      const config = parse(old);
      expect(config).toMatchObject({
        maxPositionEmbeddings: 16,
        ropeScaling: {
          type: 'longrope',
          shortFactor: short,
          longFactor: long,
          attentionFactor: Math.sqrt(1 + Math.log(128 / 16) / Math.log(16)),
          maxPositionEmbeddings: 128,
        },
      });
      // Who reads it after us has the whole.
      expect(parse(modelToJson(config) as typeof json)).toMatchObject({
        ...config,
        source: expect.any(String),
      });
      expect(modelToJson(config)).toMatchObject({ max_position_embeddings: 128, ...first });
      const { short_factor: _, ...without_ } = scaled;
      expect(() => parse({ ...old, rope_scaling: without_ })).toThrow(/short_factor/);
      expect(() =>
        parse({ ...old, rope_scaling: { ...scaled, long_factor: [0, ...long!.slice(1)] } }),
      ).toThrow(/long_factor/);
    },
  );

  it('linear, by its old name too', () => {
    const old = { ...without('rope_parameters'), rope_scaling: { type: 'linear', factor: 2 } };
    expect(parse(old)).toMatchObject({ ropeTheta: 1e4, ropeScaling: { type: 'linear', factor: 2 } });
    const rope = { rope_theta: 1e4, rope_type: 'linear', factor: 2 };
    expect(model({ ...json, rope_parameters: rope }).rope_parameters).toEqual(rope);
  });
});

describe('ends of text', () => {
  const several = { ...json, eos_token_id: [5, 7] };

  it('may be several', () => {
    const config = parse(several);
    expect(config.eosTokenIds).toEqual([5, 7]);
    expect(modelToJson(config).eos_token_id).toEqual([5, 7]);
    expect(generationConfig(config).eos_token_id).toEqual([5, 7]);
  });

  it('are those of generation_config.json where that names any', () => {
    const read = (generation: unknown) =>
      configFromJson('x', JSON.stringify(several), { path: 'y', text: JSON.stringify(generation) });
    expect(read({ eos_token_id: [8, 9] }).eosTokenIds).toEqual([8, 9]);
    expect(read({ eos_token_id: 8 }).eosTokenIds).toEqual([8]);
    expect(read({ eos_token_id: null }).eosTokenIds).toEqual([5, 7]);
    expect(read({ temperature: 0.6 }).eosTokenIds).toEqual([5, 7]);
    expect(() => read({ eos_token_id: 300 })).toThrow('y: eos_token_id is 300');
    expect(() => read([])).toThrow(CheckpointError);
  });
});

it('gives back what it has no use for, to the digit', () => {
  const source = `{
  "model_type": "llama",
  "eos_token_id": [
    1,
    5
  ],
  "rms_norm_eps": 1e-05,
  "rope_theta": 500000.0,
  "rope_scaling": null,
  "auto_map": {
    "AutoConfig": "x"
  },
  "id": 12345678901234567890,
  "__proto__": {},
`;
  const read = configFromJson('x', `${source}  "torch_dtype": "bfloat16"\n}`);
  expect(configText(read)).toBe(`${source}  "dtype": "float32"\n}\n`);
  expect(configText(configFromJson('x', configText(read)))).toBe(configText(read));
});

describe('what this engine does not run is refused by name', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['another architecture', { architectures: ['LlamaForSequenceClassification'] }, 'SequenceClassification'],
    ['the architecture of another family', { architectures: ['Qwen3ForCausalLM'] }, 'Qwen3ForCausalLM'],
    ['another model type', { model_type: 'ministral' }, 'ministral'],
    ['a mixture of experts', { model_type: 'qwen3_moe' }, 'qwen3_moe'],
    ['a name off the prototype', { model_type: 'constructor' }, 'constructor'],
    ['no model type', { model_type: undefined }, 'model_type'],
    ['another rope', { rope_parameters: { rope_type: 'proportional', rope_theta: 5e5 } }, 'proportional'],
    ['another rope of old', { rope_scaling: { type: 'dynamic', factor: 2 } }, 'dynamic'],
    [
      'rotation of a part',
      { rope_parameters: { rope_theta: 1e4, partial_rotary_factor: 0.5 } },
      'partial_rotary_factor',
    ],
    [
      'rope by layer',
      { rope_parameters: { full_attention: { rope_theta: 1e6 }, sliding_attention: { rope_theta: 1e4 } } },
      'layer to layer',
    ],
    ['another rope of Phi-3', { ...PHI3, rope_scaling: { type: 'linear', factor: 2 } }, 'linear'],
    ['longrope of another family', { rope_scaling: { type: 'longrope', short_factor: [1] } }, 'longrope'],
    ['another activation', { hidden_act: 'gelu' }, 'hidden_act'],
    ['quantised weights', { quantization_config: { bits: 4 } }, 'quantization_config'],
    ['a sliding window of Llama', { sliding_window: 512 }, 'sliding_window'],
    ['layers of another kind', { ...QWEN2, layer_types: ['full_attention', 'linear_attention'] }, 'linear'],
    [
      'layers that transformers’ Mistral would not tell apart',
      {
        ...MISTRAL,
        sliding_window: 8,
        layer_types: ['full_attention', 'sliding_attention', 'sliding_attention'],
      },
      'Mistral',
    ],
  ])('%s', (_, change, name) => {
    const error = failure({ ...json, ...change });
    expect(error.kind).toBe('unsupported');
    expect(error.message).toContain(name);
    expect(error.message).toContain('x/config.json');
    expect(error.remedy).toContain('openai:NAME@URL');
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
    ['a θ off all bounds', { ...json, rope_parameters: { rope_theta: '1e400' } }, 'rope_theta'],
    ['more layers than fit', { ...json, num_hidden_layers: 1e12 }, 'num_hidden_layers'],
    ['positions without end', { ...json, max_position_embeddings: 2 ** 60 }, 'max_position_embeddings'],
    ['no end of text', { ...json, eos_token_id: null }, 'eos_token_id'],
    ['an empty list of ends', { ...json, eos_token_id: [] }, 'eos_token_id'],
    ['a list of ends with text', { ...json, eos_token_id: [1, '2'] }, 'eos_token_id'],
    ['llama3 without its factors', { ...json, rope_parameters: { rope_type: 'llama3', factor: 8 } }, 'freq'],
    [
      'llama3 the wrong way round',
      {
        ...json,
        rope_parameters: { rope_type: 'llama3', factor: 8, low_freq_factor: 4, high_freq_factor: 1 },
      },
      'high_freq_factor',
    ],
    ['a factor of nothing', { ...json, rope_parameters: { rope_type: 'linear', factor: 0 } }, 'factor'],
    [
      'yarn of a θ that does not turn',
      { ...json, rope_parameters: { rope_type: 'yarn', rope_theta: 1 } },
      'yarn',
    ],
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
