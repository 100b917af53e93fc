import { CheckpointError, shown } from '../errors.ts';
import { type GgufFile, openGguf } from '../gguf/file.ts';
import { checkFinite } from '../safetensors.ts';
import { checkMemory, some } from './checkpoint.ts';
import type { LlamaConfig } from './config.ts';
import { configFromJson } from './config-json.ts';
import { FAMILIES } from './families.ts';
import type { Json } from './fields.ts';
import { Parameters, parameterShapes } from './parameters.ts';
import { rotaryFrequencies } from './rope.ts';

/** llama.cpp's names of the modules of a layer, by Hugging Face's. */
const MODULES: Readonly<Record<string, string>> = {
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  'self_attn.q_norm': 'attn_q_norm',
  'self_attn.k_norm': 'attn_k_norm',
  post_attention_layernorm: 'ffn_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
};
const OUTER: Readonly<Record<string, string>> = {
  'model.embed_tokens': 'token_embd',
  'model.norm': 'output_norm',
  lm_head: 'output',
};
const ROPE_FREQUENCIES = 'rope_freqs.weight';

/** llama.cpp's name of a parameter. */
export function ggufName(name: string): string {
  const [, module = '', kind = ''] = /^(.*)\.(weight|bias)$/.exec(name) ?? [];
  const [, layer, within] = /^model\.layers\.(\d+)\.(.*)$/.exec(module) ?? [];
  const found = within === undefined ? OUTER[module] : `blk.${layer}.${MODULES[within]}`;
  return `${found}.${kind}`;
}

/** Llama's queries and keys lie there with the two halves of a head interleaved: row 2i + s of a head is Hugging Face's row
 * s·d/2 + i. Other families keep their rows. */
function interleavedHeads(name: string, config: LlamaConfig): number | null {
  if ((config.modelType ?? 'llama') !== 'llama') return null;
  if (/\.self_attn\.q_proj\./.test(name)) return config.numAttentionHeads;
  return /\.self_attn\.k_proj\./.test(name) ? config.numKeyValueHeads : null;
}

/** The rows of a parameter in llama.cpp's order, from Hugging Face's; `back` is the other way. */
export function reorderRows(
  name: string,
  config: LlamaConfig,
  values: Float32Array,
  back = false,
): Float32Array {
  const heads = interleavedHeads(name, config);
  if (heads === null) return values;
  const half = config.headDim / 2;
  const width = values.length / (heads * config.headDim);
  const moved = new Float32Array(values.length);
  for (let head = 0; head < heads; head++) {
    for (let i = 0; i < config.headDim; i++) {
      const theirs = head * config.headDim + i;
      const ours = head * config.headDim + (i % 2) * half + (i >> 1);
      const [from, to] = back ? [theirs, ours] : [ours, theirs];
      moved.set(values.subarray(from * width, (from + 1) * width), to * width);
    }
  }
  return moved;
}

function fault(path: string, what: string): CheckpointError {
  return new CheckpointError(
    'format',
    `${path}: ${what}`,
    'Download the file again, or convert the model again.',
  );
}

function unsupported(path: string, what: string): CheckpointError {
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
  if (typeof architecture !== 'string' || !Object.hasOwn(FAMILIES, architecture))
    throw unsupported(
      path,
      `its architecture is ${shown(architecture)}; this engine runs ${Object.keys(FAMILIES).join(', ')}`,
    );
  const family = FAMILIES[architecture as keyof typeof FAMILIES];
  const own = (name: string) => metadata.get(`${architecture}.${name}`);
  const token = (name: string) => metadata.get(`tokenizer.ggml.${name}_token_id`);
  if ((own('expert_count') ?? 0) !== 0) throw unsupported(path, 'it is a mixture of experts');
  const [vocabSize] = tensors.get('token_embd.weight')?.shape ?? [];
  if (vocabSize === undefined) throw fault(path, 'it has no token_embd.weight');
  const [hidden, heads] = [own('embedding_length'), own('attention.head_count')];
  const headDim =
    own('attention.key_length') ?? own('rope.dimension_count') ?? Number(hidden) / Number(heads);
  if ((own('attention.value_length') ?? headDim) !== headDim)
    throw unsupported(path, 'the heads of its values are of another size than those of its keys');
  if ((own('rope.dimension_count') ?? headDim) !== headDim)
    throw unsupported(
      path,
      `it rotates ${shown(own('rope.dimension_count'))} numbers of a head of ${shown(headDim)}`,
    );
  const ends = [...new Set([token('eos'), token('eot')].filter((id) => id !== undefined))];
  const has = (name: string) => tensors.has(`blk.0.${name}.bias`);
  const biases: Readonly<Record<string, boolean>> = {
    attention_bias: has('attn_q'),
    mlp_bias: has('ffn_up'),
  };
  return {
    architectures: [family.architecture],
    model_type: architecture,
    vocab_size: vocabSize,
    hidden_size: hidden,
    intermediate_size: own('feed_forward_length'),
    num_hidden_layers: own('block_count'),
    num_attention_heads: heads,
    num_key_value_heads: own('attention.head_count_kv') ?? heads,
    head_dim: headDim,
    max_position_embeddings: own('context_length'),
    rms_norm_eps: decimal(own('attention.layer_norm_rms_epsilon')),
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
function divisors(config: LlamaConfig): Float32Array | null {
  if (config.ropeScaling?.type !== 'llama3') return null;
  const { ropeScaling: _, ...plain } = config;
  const scaled = rotaryFrequencies(config);
  return Float32Array.from(rotaryFrequencies(plain), (frequency, i) => frequency / (scaled[i] as number));
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

async function readConfig(path: string, file: GgufFile): Promise<LlamaConfig> {
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

/** Every parameter is there, in its shape, and nothing else is: before memory is taken for them. */
function checkTensors(path: string, config: LlamaConfig, { tensors }: GgufFile): void {
  if (config.numHiddenLayers > tensors.size)
    throw fault(path, `${tensors.size} tensors cannot be ${config.numHiddenLayers} layers`);
  const shapes = parameterShapes(config).map(({ name, shape }) => ({ name: ggufName(name), shape }));
  const missing = shapes.filter(({ name }) => !tensors.has(name)).map(({ name }) => name);
  if (missing.length > 0) throw fault(path, `missing from the tensors: ${some(missing)}`);
  const known = new Set([ROPE_FREQUENCIES, ...shapes.map(({ name }) => name)]);
  const unexpected = [...tensors.keys()].filter((name) => !known.has(name));
  if (unexpected.length > 0)
    throw unsupported(path, `it has tensors that this engine does not know: ${some(unexpected)}`);
  for (const { name, shape } of shapes) {
    const found = tensors.get(name)?.shape ?? [];
    if (found.join() !== shape.join())
      throw fault(path, `${name} is ${shown(found)} where its metadata ask for ${shown(shape)}`);
  }
}

/** Read the weights of a GGUF file as float32; throws CheckpointError. */
export async function readGguf(path: string): Promise<Parameters> {
  const file = await openGguf(path);
  try {
    const config = await readConfig(path, file);
    checkTensors(path, config, file);
    checkMemory(path, config);
    const parameters = new Parameters(config);
    for (const { name } of parameters.shapes) {
      const values = parameters.get(name);
      await file.read(ggufName(name), values);
      checkFinite(path, name, values);
      const ordered = reorderRows(name, config, values, true);
      if (ordered !== values) values.set(ordered);
    }
    return parameters;
  } finally {
    await file.close();
  }
}
