import { shown } from '../errors.ts';
import type { LlamaConfig, ModelType, Rope, RopeScaling } from './config.ts';
import { FAMILIES, familyOf } from './families.ts';
import type { Family } from './family.ts';
import { Fields, type Json } from './fields.ts';
import { FULL, layersFrom, layersToJson, SLIDING } from './layers.ts';

const oneOrList = (ids: readonly number[]) => (ids.length === 1 ? ids[0] : ids);

function ropeToJson({ ropeTheta, ropeScaling }: Rope): Json {
  const theta = { rope_theta: ropeTheta };
  if (ropeScaling === undefined) return { ...theta, rope_type: 'default' };
  if (ropeScaling.type === 'linear') return { ...theta, rope_type: 'linear', factor: ropeScaling.factor };
  return {
    ...theta,
    rope_type: 'llama3',
    factor: ropeScaling.factor,
    low_freq_factor: ropeScaling.lowFreqFactor,
    high_freq_factor: ropeScaling.highFreqFactor,
    original_max_position_embeddings: ropeScaling.originalMaxPositionEmbeddings,
  };
}

function ropesToJson(config: LlamaConfig): Json {
  if (!config.localRope) return ropeToJson(config);
  return { full_attention: ropeToJson(config), sliding_attention: ropeToJson(config.localRope) };
}

/** All that the engine knows of a model, in the fields of Hugging Face's config.json as transformers 5 writes them. */
export function modelToJson(config: LlamaConfig): Json {
  const family = familyOf(config);
  const biases = { attention_bias: config.attentionBias ?? false, mlp_bias: config.mlpBias ?? false };
  return {
    architectures: [family.architecture],
    model_type: config.modelType ?? 'llama',
    vocab_size: config.vocabSize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_hidden_layers: config.numHiddenLayers,
    num_attention_heads: config.numAttentionHeads,
    num_key_value_heads: config.numKeyValueHeads,
    head_dim: config.headDim,
    max_position_embeddings: config.maxPositionEmbeddings,
    rms_norm_eps: config.rmsNormEps,
    rope_parameters: ropesToJson(config),
    ...(config.queryPreAttnScalar === undefined ? {} : { query_pre_attn_scalar: config.queryPreAttnScalar }),
    ...layersToJson(config),
    ...family.fixed,
    ...Object.fromEntries(family.switches.map((name) => [name, biases[name]])),
    tie_word_embeddings: config.tieWordEmbeddings,
    bos_token_id: config.bosTokenId,
    eos_token_id: oneOrList(config.eosTokenIds),
    pad_token_id: config.padTokenId,
    dtype: 'float32',
  };
}

/** The text of the config.json to write: the one that was read, or one made from the config. */
export function configText(config: LlamaConfig): string {
  return config.source ?? `${JSON.stringify(modelToJson(config), null, 2)}\n`;
}

/** TypeScript does not know yet what a reviver is told of a number, and how it is kept. */
const { parse, rawJSON } = JSON as unknown as {
  parse(text: string, reviver: (key: string, value: unknown, context: { source: string }) => unknown): Json;
  rawJSON(text: string): unknown;
};

/** A config.json once its weights are float32. Numbers stay as they are written: 8.0 is no integer to Python. */
function asFloat32(text: string): string {
  const { torch_dtype: _, ...fields } = parse(text, (_key, value, { source }) =>
    typeof value === 'number' ? rawJSON(source) : value,
  );
  return `${JSON.stringify({ ...fields, dtype: 'float32' }, null, 2)}\n`;
}

/** generation_config.json: servers take their defaults from it, so it asks for plain sampling: no top-k, no top-p. */
export function generationConfig(config: LlamaConfig): Json {
  return {
    bos_token_id: config.bosTokenId,
    eos_token_id: oneOrList(config.eosTokenIds),
    pad_token_id: config.padTokenId,
    do_sample: true,
    temperature: 1.0,
    top_k: 0,
    top_p: 1.0,
  };
}

function modelTypeOf(fields: Fields): ModelType {
  const { model_type: type, architectures } = fields.raw;
  const known = Object.keys(FAMILIES).join(', ');
  if (typeof type !== 'string' || !Object.hasOwn(FAMILIES, type)) {
    throw fields.unsupported(`model_type is ${shown(type)}; this engine runs ${known}`);
  }
  const { architecture } = FAMILIES[type as ModelType];
  const named = architectures ?? [architecture];
  if (!Array.isArray(named) || !named.includes(architecture)) {
    throw fields.unsupported(`the architecture is ${shown(architectures)}; this engine runs ${architecture}`);
  }
  return type as ModelType;
}

/** An object within an object of config.json. */
function within(fields: Fields, name: string, outer: Json): Json {
  const value = outer[name] ?? {};
  if (typeof value !== 'object' || Array.isArray(value)) throw fields.malformed(`${name} is not an object`);
  return value as Json;
}

/** rope_scaling of older files goes before rope_parameters, as in transformers. */
function ropesOf(
  fields: Fields,
  family: Family,
  maxPositionEmbeddings: number,
): Rope & Pick<LlamaConfig, 'localRope'> {
  const older = fields.object('rope_scaling');
  const given = fields.object('rope_parameters');
  const { rope_theta: theta, rope_local_base_freq: localTheta } = { ...family.defaults, ...fields.raw };
  const read = (rope: Json, absent: unknown) => ropeOf(fields, family, maxPositionEmbeddings, rope, absent);
  const flat = Object.keys(older).length > 0 ? older : given;
  const nested = Object.values(flat).some(
    (value) => value !== null && typeof value === 'object' && !Array.isArray(value),
  );
  if (!family.localRope) {
    if (nested)
      throw fields.unsupported(`rope differs from layer to layer; ${family.name} rotates all layers alike`);
    return read(flat, theta ?? 10_000);
  }
  const [other] = Object.keys(given).filter((name) => name !== FULL && name !== SLIDING);
  if (other !== undefined)
    throw fields.malformed(
      `rope_parameters has ${shown(other)}, where ${family.name} has ${FULL} and ${SLIDING}`,
    );
  return {
    ...read({ ...within(fields, FULL, given), ...older }, theta),
    localRope: read(within(fields, SLIDING, given), localTheta),
  };
}

/** One rope; `absent` is its θ where it has none. */
function ropeOf(
  fields: Fields,
  { name, ropeScaling: scales }: Family,
  maxPositionEmbeddings: number,
  rope: Json,
  absent: unknown,
): Rope {
  const type = rope.rope_type ?? rope.type ?? 'default';
  const partial = rope.partial_rotary_factor ?? fields.raw.partial_rotary_factor ?? 1;
  if (partial !== 1) {
    throw fields.unsupported(`partial_rotary_factor is ${shown(partial)}; this engine rotates whole heads`);
  }
  const ropeTheta = fields.number('rope_theta', { from: rope, absent });
  if (type === 'default') return { ropeTheta };
  if (!scales) throw fields.unsupported(`rope_type is ${shown(type)}; this engine runs ${name} with default`);
  if (type !== 'linear' && type !== 'llama3') {
    throw fields.unsupported(`rope_type is ${shown(type)}; this engine runs default, linear and llama3`);
  }
  const factor = fields.number('factor', { from: rope });
  if (type === 'linear') return { ropeTheta, ropeScaling: { type, factor } };
  const ropeScaling: RopeScaling = {
    type,
    factor,
    lowFreqFactor: fields.number('low_freq_factor', { from: rope }),
    highFreqFactor: fields.number('high_freq_factor', { from: rope }),
    originalMaxPositionEmbeddings: fields.count('original_max_position_embeddings', {
      absent: rope.original_max_position_embeddings ?? maxPositionEmbeddings,
    }),
  };
  if (ropeScaling.highFreqFactor <= ropeScaling.lowFreqFactor) {
    throw fields.malformed('high_freq_factor is not above low_freq_factor');
  }
  return { ropeTheta, ropeScaling };
}

/** Read config.json; `path` names it in errors. Absent fields mean what they mean in transformers. generation_config.json,
 * where there is one, says what ends a text; config.json does otherwise. */
export function configFromJson(
  path: string,
  text: string,
  generation?: { readonly path: string; readonly text: string },
): LlamaConfig {
  const fields = new Fields(path, text);
  const { raw } = fields;
  const modelType = modelTypeOf(fields);
  const family = FAMILIES[modelType];
  const { defaults } = family;
  const count = (name: string, absent: unknown = defaults[name]) => fields.count(name, { absent });

  for (const [name, value] of Object.entries({ ...family.fixed, quantization_config: null })) {
    if ((raw[name] ?? value) !== value)
      throw fields.unsupported(`${name} is ${shown(raw[name])}; this engine runs ${shown(value)} only`);
  }
  const numHiddenLayers = count('num_hidden_layers');

  const vocabSize = count('vocab_size');
  const hiddenSize = count('hidden_size');
  const numAttentionHeads = count('num_attention_heads');
  const ownKeys = raw.num_key_value_heads === null || defaults.num_key_value_heads === undefined;
  const numKeyValueHeads = count(
    'num_key_value_heads',
    ownKeys ? numAttentionHeads : defaults.num_key_value_heads,
  );
  if (numAttentionHeads % numKeyValueHeads !== 0) {
    throw fields.malformed(
      `${numAttentionHeads} attention heads cannot share ${numKeyValueHeads} key-value heads evenly`,
    );
  }
  const headSize = raw.head_dim ?? defaults.head_dim ?? hiddenSize / numAttentionHeads;
  if (headSize === hiddenSize / numAttentionHeads && !Number.isInteger(headSize)) {
    throw fields.malformed(
      `hidden_size ${hiddenSize} is not divisible by ${numAttentionHeads} attention heads`,
    );
  }
  const headDim = count('head_dim', headSize);
  if (headDim % 2 !== 0) throw fields.malformed(`head_dim ${headDim} is odd; rotary embeddings turn pairs`);

  const token = (name: string) => fields.tokens(name, vocabSize, defaults[name]);
  const ends = generation && new Fields(generation.path, generation.text).tokens('eos_token_id', vocabSize);
  const eosTokenIds = ends?.length ? ends : token('eos_token_id');
  const [eos] = eosTokenIds;
  if (eos === undefined) throw fields.malformed('no eos_token_id says which token ends a text');

  const maxPositionEmbeddings = count('max_position_embeddings');
  const switches = family.switches.filter((name) => fields.flag(name));
  return {
    modelType,
    vocabSize,
    hiddenSize,
    intermediateSize: count('intermediate_size'),
    numHiddenLayers,
    numAttentionHeads,
    numKeyValueHeads,
    headDim,
    maxPositionEmbeddings,
    rmsNormEps: fields.number('rms_norm_eps', { absent: defaults.rms_norm_eps ?? 1e-6 }),
    ...ropesOf(fields, family, maxPositionEmbeddings),
    ...layersFrom(fields, family, numHiddenLayers),
    ...(defaults.query_pre_attn_scalar === undefined
      ? {}
      : {
          queryPreAttnScalar: fields.number('query_pre_attn_scalar', {
            absent: defaults.query_pre_attn_scalar,
          }),
        }),
    attentionBias: switches.includes('attention_bias'),
    mlpBias: switches.includes('mlp_bias'),
    tieWordEmbeddings: fields.flag('tie_word_embeddings', defaults.tie_word_embeddings),
    // A model without these tokens has its end of text stand in.
    bosTokenId: token('bos_token_id')[0] ?? eos,
    eosTokenIds,
    padTokenId: token('pad_token_id')[0] ?? eos,
    source: fields.rewritten(asFloat32),
  };
}
