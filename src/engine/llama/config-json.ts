import { shown } from '../errors.ts';
import type { LlamaConfig, ModelType } from './config.ts';
import { FAMILIES, familyOf } from './families.ts';
import { Fields, type Json } from './fields.ts';
import { layersFrom, layersToJson } from './layers.ts';
import { ropesFrom, ropesToJson } from './rope-json.ts';

const MOST_LAYERS = 1e6;

/** Positions of the longest text that a model is for, of which the engine may run fewer. Phi-3's first length stands outside of rope,
 * too: transformers has a default for it there, which would go before. */
function lengthsToJson({ ropeScaling, maxPositionEmbeddings }: LlamaConfig): Json {
  if (ropeScaling?.type !== 'longrope') return { max_position_embeddings: maxPositionEmbeddings };
  return {
    max_position_embeddings: ropeScaling.maxPositionEmbeddings,
    original_max_position_embeddings: ropeScaling.originalMaxPositionEmbeddings,
  };
}

const oneOrList = (ids: readonly number[]) => (ids.length === 1 ? ids[0] : ids);

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
    ...lengthsToJson(config),
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
  const known = Object.values(FAMILIES).map(({ name }) => name);
  if (typeof type !== 'string' || !Object.hasOwn(FAMILIES, type)) {
    throw fields.unsupported(`model_type is ${shown(type)}; this engine runs ${known.join(', ')}`);
  }
  const { architecture } = FAMILIES[type as ModelType];
  const named = architectures ?? [architecture];
  if (!Array.isArray(named) || !named.includes(architecture)) {
    throw fields.unsupported(`the architecture is ${shown(architectures)}; this engine runs ${architecture}`);
  }
  return type as ModelType;
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
  // What each layer is gets listed before its tensors are looked for.
  if (numHiddenLayers > MOST_LAYERS)
    throw fields.malformed(`num_hidden_layers is ${numHiddenLayers}; no model has more than ${MOST_LAYERS}`);

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
  const rope = ropesFrom(fields, family, { maxPositionEmbeddings, headDim });
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
    maxPositionEmbeddings:
      rope.ropeScaling?.type === 'longrope'
        ? Math.min(maxPositionEmbeddings, rope.ropeScaling.originalMaxPositionEmbeddings)
        : maxPositionEmbeddings,
    rmsNormEps: fields.number('rms_norm_eps', { absent: defaults.rms_norm_eps ?? 1e-6 }),
    ...rope,
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
