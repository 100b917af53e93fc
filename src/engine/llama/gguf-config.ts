import { CheckpointError, shown } from '../errors.ts';
import type { GgufFile } from '../gguf/file.ts';
import type { GgufEntry } from '../gguf/write.ts';
import type { LlamaConfig, ModelType } from './config.ts';
import { configFromJson } from './config-json.ts';
import { FAMILIES } from './families.ts';
import type { Json } from './fields.ts';
import { frequencies } from './rope.ts';

/** llama.cpp's architectures that are read and written; they are called as Hugging Face calls them. */
const ARCHITECTURES: readonly ModelType[] = ['llama', 'qwen2', 'qwen3'];
/** What each rotary frequency is divided by, where that is Llama 3's scaling. */
export const ROPE_FREQUENCIES = 'rope_freqs.weight';

export function fault(path: string, what: string): CheckpointError {
  return new CheckpointError(
    'format',
    `${path}: ${what}`,
    'Download the file again, or convert the model again.',
  );
}

export function unsupported(path: string, what: string): CheckpointError {
  const remedy =
    'Use a Llama, Qwen2 or Qwen3 model, or serve this one with llama-server and use the openai adapter.';
  return new CheckpointError('unsupported', `${path}: ${what}`, remedy);
}

/** The shortest decimal number that is this float32: files hold 1e-5 as 9.99999974…e-6. */
function decimal(value: unknown): unknown {
  if (typeof value !== 'number') return value;
  const exact = Math.fround(value);
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(exact.toPrecision(digits));
    if (Math.fround(short) === exact) return short;
  }
  return value;
}

/** The config.json that a file's metadata and tensors amount to. */
function configJson(path: string, { metadata, tensors }: GgufFile): Json {
  const architecture = metadata.get('general.architecture');
  const type = ARCHITECTURES.find((known) => known === architecture);
  if (type === undefined)
    throw unsupported(
      path,
      `its architecture is ${shown(architecture)}; this engine runs ${ARCHITECTURES.join(', ')}`,
    );
  const family = FAMILIES[type];
  const own = (name: string) => metadata.get(`${type}.${name}`);
  // config.json has defaults, which are of one model of a family.
  const said = (name: string) => {
    const value = own(name);
    if (value === undefined) throw fault(path, `it does not say ${type}.${name}`);
    return value;
  };
  const token = (name: string) => metadata.get(`tokenizer.ggml.${name}_token_id`);
  if ((own('expert_count') ?? 0) !== 0) throw unsupported(path, 'it is a mixture of experts');
  const [vocabSize] = tensors.get('token_embd.weight')?.shape ?? [];
  if (vocabSize === undefined) throw fault(path, 'it has no token_embd.weight');
  const [hidden, heads] = [said('embedding_length'), said('attention.head_count')];
  const headDim =
    own('attention.key_length') ?? own('rope.dimension_count') ?? Number(hidden) / Number(heads);
  if ((own('attention.value_length') ?? headDim) !== headDim)
    throw unsupported(path, 'the heads of its values are of another size than those of its keys');
  if ((own('rope.dimension_count') ?? headDim) !== headDim)
    throw unsupported(
      path,
      `it rotates ${shown(own('rope.dimension_count'))} numbers of a head of ${shown(headDim)}`,
    );
  const ends = [...new Set([token('eos'), token('eot'), token('eom')].filter((id) => id !== undefined))];
  const has = (name: string) => tensors.has(`blk.0.${name}.bias`);
  const biases: Readonly<Record<string, boolean>> = {
    attention_bias: has('attn_q'),
    mlp_bias: has('ffn_up'),
  };
  return {
    architectures: [family.architecture],
    model_type: type,
    vocab_size: vocabSize,
    hidden_size: hidden,
    intermediate_size: said('feed_forward_length'),
    num_hidden_layers: said('block_count'),
    num_attention_heads: heads,
    num_key_value_heads: own('attention.head_count_kv') ?? heads,
    head_dim: headDim,
    max_position_embeddings: said('context_length'),
    rms_norm_eps: decimal(said('attention.layer_norm_rms_epsilon')),
    rope_parameters: ropeJson(path, own),
    hidden_act: 'silu',
    ...Object.fromEntries(family.switches.map((name) => [name, biases[name]])),
    tie_word_embeddings: !tensors.has('output.weight'),
    bos_token_id: token('bos') ?? null,
    eos_token_id: ends.length === 1 ? ends[0] : ends,
    pad_token_id: token('padding') ?? null,
    dtype: 'float32',
  };
}

function ropeJson(path: string, own: (name: string) => unknown): Json {
  const rope_theta = decimal(own('rope.freq_base') ?? 10_000);
  // What files of 2023 call it.
  const older = own('rope.scale_linear');
  const type = own('rope.scaling.type') ?? (older === undefined ? 'none' : 'linear');
  const factor = own('rope.scaling.factor') ?? older ?? 1;
  if (type === 'none' || (type === 'linear' && factor === 1)) return { rope_theta, rope_type: 'default' };
  if (type === 'linear') return { rope_theta, rope_type: 'linear', factor: decimal(factor) };
  throw unsupported(path, `its rope scaling is ${shown(type)}; this engine runs linear and Llama 3's`);
}

/** What each rotary frequency is divided by, where the scaling is Llama 3's. */
export function divisors(config: LlamaConfig): Float32Array | null {
  if (config.ropeScaling?.type !== 'llama3') return null;
  const { ropeTheta, headDim } = config;
  const scaled = frequencies(config, headDim);
  return Float32Array.from(
    frequencies({ ropeTheta }, headDim),
    (frequency, i) => frequency / (scaled[i] as number),
  );
}

/** Llama 3's scaling, from the divisors that a file holds of it. It does not say by which numbers they came about: they are those of
 * Llama 3.1 and after, or it is refused. */
function llama3Json(path: string, config: LlamaConfig, found: Float32Array): Json {
  const factor = Math.max(...found);
  const rest = { lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositionEmbeddings: 8192 };
  const expected = divisors({ ...config, ropeScaling: { type: 'llama3', factor, ...rest } });
  if (!expected?.every((value, i) => Math.abs((found[i] as number) / value - 1) < 1e-4))
    throw unsupported(path, `${ROPE_FREQUENCIES} holds other divisors than Llama 3's`);
  return {
    rope_theta: config.ropeTheta,
    rope_type: 'llama3',
    factor,
    low_freq_factor: rest.lowFreqFactor,
    high_freq_factor: rest.highFreqFactor,
    original_max_position_embeddings: rest.originalMaxPositionEmbeddings,
  };
}

export async function readGgufConfig(path: string, file: GgufFile): Promise<LlamaConfig> {
  const json = configJson(path, file);
  const config = configFromJson(path, JSON.stringify(json));
  const frequencies = file.tensors.get(ROPE_FREQUENCIES);
  if (frequencies === undefined) return config;
  const [size = 0, ...more] = frequencies.shape;
  if (more.length > 0 || size !== config.headDim / 2)
    throw fault(path, `${ROPE_FREQUENCIES} is ${shown(frequencies.shape)} for heads of ${config.headDim}`);
  const found = new Float32Array(size);
  await file.read(ROPE_FREQUENCIES, found);
  const rope_parameters = llama3Json(path, config, found);
  return configFromJson(path, JSON.stringify({ ...json, rope_parameters }));
}

/** The metadata of a model of this config, the tokenizer's left out; `where` names it in errors. */
export function ggufEntries(where: string, config: LlamaConfig): GgufEntry[] {
  const type = config.modelType ?? 'llama';
  if (!ARCHITECTURES.includes(type))
    throw new CheckpointError(
      'unsupported',
      `${where}: a model of the family ${type} is not written as GGUF`,
      "convert its Hugging Face folder with llama.cpp's convert_hf_to_gguf.py",
    );
  if (type === 'qwen3' && config.attentionBias)
    throw unsupported(where, 'llama.cpp has no biases in the attention of Qwen3');
  if (
    config.ropeScaling?.type === 'yarn' ||
    config.ropeScaling?.type === 'longrope' ||
    config.slidingWindow !== undefined ||
    config.layers !== undefined
  )
    throw unsupported(where, 'YaRN, LongRoPE and layers that see a window only are not written as GGUF');
  const count = (name: string, value: number): GgufEntry => [`${type}.${name}`, 'uint32', value];
  const real = (name: string, value: number): GgufEntry => [`${type}.${name}`, 'float32', value];
  const { ropeScaling, bosTokenId, eosTokenIds, padTokenId } = config;
  const linear: GgufEntry[] =
    ropeScaling?.type === 'linear'
      ? [[`${type}.rope.scaling.type`, 'string', 'linear'], real('rope.scaling.factor', ropeScaling.factor)]
      : [];
  // More ends than these have no name there.
  const ends = ['eos', 'eot', 'eom'].flatMap((name, i): GgufEntry[] =>
    eosTokenIds[i] === undefined ? [] : [[`tokenizer.ggml.${name}_token_id`, 'uint32', eosTokenIds[i]]],
  );
  return [
    ['general.architecture', 'string', type],
    ['general.type', 'string', 'model'],
    count('vocab_size', config.vocabSize),
    count('context_length', config.maxPositionEmbeddings),
    count('embedding_length', config.hiddenSize),
    count('block_count', config.numHiddenLayers),
    count('feed_forward_length', config.intermediateSize),
    count('attention.head_count', config.numAttentionHeads),
    count('attention.head_count_kv', config.numKeyValueHeads),
    count('attention.key_length', config.headDim),
    count('attention.value_length', config.headDim),
    real('attention.layer_norm_rms_epsilon', config.rmsNormEps),
    count('rope.dimension_count', config.headDim),
    real('rope.freq_base', config.ropeTheta),
    ...linear,
    ['tokenizer.ggml.bos_token_id', 'uint32', bosTokenId],
    ...ends,
    ['tokenizer.ggml.padding_token_id', 'uint32', padTokenId],
  ];
}
