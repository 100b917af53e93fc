import { CheckpointError } from '../errors.ts';
import type { LlamaConfig } from './config.ts';

type Json = Readonly<Record<string, unknown>>;

/** Hugging Face's config.json of a checkpoint of ours, as transformers 5 writes it. */
export function configToJson(config: LlamaConfig): Json {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.numHiddenLayers,
    num_attention_heads: config.numAttentionHeads,
    num_key_value_heads: config.numKeyValueHeads,
    head_dim: config.headDim,
    max_position_embeddings: config.maxPositionEmbeddings,
    rms_norm_eps: config.rmsNormEps,
    rope_parameters: { rope_theta: config.ropeTheta, rope_type: 'default' },
    hidden_act: 'silu',
    attention_bias: false,
    mlp_bias: false,
    tie_word_embeddings: config.tieWordEmbeddings,
    bos_token_id: config.bosTokenId,
    eos_token_id: config.eosTokenId,
    pad_token_id: config.padTokenId,
    dtype: 'float32',
  };
}

/** generation_config.json: servers take their defaults from it, so it asks for plain sampling: no top-k, no top-p. */
export function generationConfig(config: LlamaConfig): Json {
  return {
    bos_token_id: config.bosTokenId,
    eos_token_id: config.eosTokenId,
    pad_token_id: config.padTokenId,
    do_sample: true,
    temperature: 1.0,
    top_k: 0,
    top_p: 1.0,
  };
}

const OTHER_MODEL = 'Use a Llama checkpoint, or serve this one with vLLM and use the openai adapter.';
const FIX_CONFIG = 'Correct config.json, or download the checkpoint again.';

/** Read config.json; `path` names it in errors. Absent fields take the defaults of transformers' LlamaConfig. */
export function configFromJson(path: string, text: string): LlamaConfig {
  const unsupported = (what: string) => new CheckpointError('unsupported', `${path}: ${what}`, OTHER_MODEL);
  const malformed = (what: string, cause?: unknown) =>
    new CheckpointError('format', `${path}: ${what}`, FIX_CONFIG, cause);

  let raw: Json;
  try {
    raw = JSON.parse(text) as Json;
  } catch (error) {
    throw malformed('it is not JSON', error);
  }
  if (raw === null || typeof raw !== 'object' || Array.isArray(raw)) throw malformed('it is not an object');

  const architectures = raw.architectures ?? ['LlamaForCausalLM'];
  if (!Array.isArray(architectures) || !architectures.includes('LlamaForCausalLM')) {
    throw unsupported(
      `the architecture is ${JSON.stringify(architectures)}; this engine runs LlamaForCausalLM`,
    );
  }
  if (raw.model_type !== 'llama') {
    throw unsupported(`model_type is ${JSON.stringify(raw.model_type)}; this engine runs llama`);
  }
  const required: Json = {
    hidden_act: 'silu',
    attention_bias: false,
    mlp_bias: false,
    partial_rotary_factor: 1,
    quantization_config: null,
    sliding_window: null,
  };
  for (const [name, value] of Object.entries(required)) {
    if ((raw[name] ?? value) !== value) {
      throw unsupported(
        `${name} is ${JSON.stringify(raw[name])}; this engine runs ${JSON.stringify(value)} only`,
      );
    }
  }

  const object = (name: string): Json => {
    const value = raw[name] ?? {};
    if (typeof value !== 'object' || Array.isArray(value)) throw malformed(`${name} is not an object`);
    return value as Json;
  };
  const number = (name: string, source: Json, fallback?: number): number => {
    const value = source[name] ?? fallback;
    if (typeof value !== 'number' || !Number.isFinite(value) || value <= 0) {
      throw malformed(`${name} is ${JSON.stringify(source[name])}, not a positive number`);
    }
    return value;
  };
  const count = (name: string, fallback?: number): number => {
    const value = number(name, raw, fallback);
    if (!Number.isSafeInteger(value)) throw malformed(`${name} is ${value}, not a whole number`);
    return value;
  };

  const rope = object('rope_parameters');
  const scaling = object('rope_scaling');
  const ropeType = rope.rope_type ?? scaling.rope_type ?? scaling.type ?? 'default';
  if (ropeType !== 'default') {
    throw unsupported(`rope scaling is ${JSON.stringify(ropeType)}; this engine runs "default" only`);
  }

  const vocabSize = count('vocab_size', 32_000);
  const token = (name: string, fallback?: number): number => {
    const value = raw[name] ?? fallback;
    const single = Array.isArray(value) && value.length === 1 ? value[0] : value;
    if (Array.isArray(single)) {
      const remedy = `Set ${name} in config.json to the one token that ends a reply.`;
      throw new CheckpointError(
        'unsupported',
        `${path}: ${name} lists several tokens (${single.join(', ')})`,
        remedy,
      );
    }
    if (!Number.isSafeInteger(single) || (single as number) < 0 || (single as number) >= vocabSize) {
      throw malformed(`${name} is ${JSON.stringify(value)}, not a token of a vocabulary of ${vocabSize}`);
    }
    return single as number;
  };

  const hiddenSize = count('hidden_size', 4096);
  const numAttentionHeads = count('num_attention_heads', 32);
  const numKeyValueHeads = count('num_key_value_heads', numAttentionHeads);
  if (numAttentionHeads % numKeyValueHeads !== 0) {
    throw malformed(
      `${numAttentionHeads} attention heads cannot share ${numKeyValueHeads} key-value heads evenly`,
    );
  }
  if ((raw.head_dim ?? null) === null && hiddenSize % numAttentionHeads !== 0) {
    throw malformed(`hidden_size ${hiddenSize} is not divisible by ${numAttentionHeads} attention heads`);
  }
  const headDim = count('head_dim', hiddenSize / numAttentionHeads);
  if (headDim % 2 !== 0) throw malformed(`head_dim ${headDim} is odd; rotary embeddings turn pairs`);
  const tie = raw.tie_word_embeddings ?? false;
  if (typeof tie !== 'boolean')
    throw malformed(`tie_word_embeddings is ${JSON.stringify(tie)}, not true or false`);
  const eosTokenId = token('eos_token_id', 2);
  return {
    vocabSize,
    hiddenSize,
    intermediateSize: count('intermediate_size', 11_008),
    numHiddenLayers: count('num_hidden_layers', 32),
    numAttentionHeads,
    numKeyValueHeads,
    headDim,
    maxPositionEmbeddings: count('max_position_embeddings', 2048),
    rmsNormEps: number('rms_norm_eps', raw, 1e-6),
    ropeTheta: number('rope_theta', rope.rope_theta === undefined ? raw : rope, 10_000),
    tieWordEmbeddings: tie,
    // null: the model has no such token; the end of text stands in for both.
    bosTokenId: token('bos_token_id', raw.bos_token_id === null ? eosTokenId : 1),
    eosTokenId,
    padTokenId: token('pad_token_id', eosTokenId),
  };
}
