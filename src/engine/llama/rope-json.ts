import { shown } from '../errors.ts';
import type { LlamaConfig, Rope, RopeScaling } from './config.ts';
import type { Family } from './family.ts';
import type { Fields, Json } from './fields.ts';
import { FULL, SLIDING } from './layers.ts';

/** One rope, as rope_parameters has it. */
function ropeToJson({ ropeTheta, ropeScaling }: Rope): Json {
  const theta = { rope_theta: ropeTheta };
  if (ropeScaling === undefined) return { ...theta, rope_type: 'default' };
  if (ropeScaling.type === 'linear') return { ...theta, rope_type: 'linear', factor: ropeScaling.factor };
  if (ropeScaling.type === 'longrope')
    return {
      ...theta,
      rope_type: 'longrope',
      short_factor: ropeScaling.shortFactor,
      long_factor: ropeScaling.longFactor,
      attention_factor: ropeScaling.attentionFactor,
      original_max_position_embeddings: ropeScaling.originalMaxPositionEmbeddings,
    };
  const { type, factor, originalMaxPositionEmbeddings } = ropeScaling;
  return {
    ...theta,
    rope_type: type,
    factor,
    ...(type === 'llama3'
      ? { low_freq_factor: ropeScaling.lowFreqFactor, high_freq_factor: ropeScaling.highFreqFactor }
      : {
          attention_factor: ropeScaling.attentionFactor,
          beta_fast: ropeScaling.betaFast,
          beta_slow: ropeScaling.betaSlow,
          truncate: ropeScaling.truncate,
        }),
    original_max_position_embeddings: originalMaxPositionEmbeddings,
  };
}

/** rope_parameters, by kind of layer where that matters. */
export function ropesToJson(config: LlamaConfig): Json {
  if (!config.localRope) return ropeToJson(config);
  return { full_attention: ropeToJson(config), sliding_attention: ropeToJson(config.localRope) };
}

/** An object within an object of config.json. */
function within(fields: Fields, name: string, outer: Json): Json {
  const value = outer[name] ?? {};
  if (typeof value !== 'object' || Array.isArray(value)) throw fields.malformed(`${name} is not an object`);
  return value as Json;
}

/** rope_scaling of older files goes before rope_parameters, as in transformers. */
export function ropesFrom(
  fields: Fields,
  family: Family,
  { maxPositionEmbeddings, headDim }: Pick<LlamaConfig, 'maxPositionEmbeddings' | 'headDim'>,
): Rope & Pick<LlamaConfig, 'localRope'> {
  const older = fields.object('rope_scaling');
  const given = fields.object('rope_parameters');
  const { rope_theta: theta, rope_local_base_freq: localTheta } = { ...family.defaults, ...fields.raw };
  const of = { maxPositionEmbeddings, headDim };
  const read = (rope: Json, absent: unknown) => ropeOf(fields, family, of, rope, absent);
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
  { name, ropeScaling: scalings }: Family,
  { maxPositionEmbeddings, headDim }: Pick<LlamaConfig, 'maxPositionEmbeddings' | 'headDim'>,
  rope: Json,
  absent: unknown,
): Rope {
  const named = rope.rope_type ?? rope.type ?? 'default';
  // Phi-3's first checkpoints call it so.
  const type = scalings.includes('longrope') && (named === 'su' || named === 'yarn') ? 'longrope' : named;
  const partial = rope.partial_rotary_factor ?? fields.raw.partial_rotary_factor ?? 1;
  if (partial !== 1) {
    throw fields.unsupported(`partial_rotary_factor is ${shown(partial)}; this engine rotates whole heads`);
  }
  const ropeTheta = fields.number('rope_theta', { from: rope, absent });
  if (type === 'default') return { ropeTheta };
  if (!(scalings as readonly unknown[]).includes(type)) {
    throw fields.unsupported(
      `rope_type is ${shown(type)}; this engine runs ${name} with ${['default', ...scalings].join(', ')}`,
    );
  }
  if (type === 'linear')
    return { ropeTheta, ropeScaling: { type, factor: fields.number('factor', { from: rope }) } };
  const originalMaxPositionEmbeddings = fields.count('original_max_position_embeddings', {
    absent: rope.original_max_position_embeddings ?? maxPositionEmbeddings,
  });
  if (type === 'yarn') {
    if (ropeTheta <= 1) throw fields.malformed(`rope_theta is ${ropeTheta}, too small for yarn`);
    const absent = maxPositionEmbeddings / originalMaxPositionEmbeddings;
    const factor = fields.number('factor', { from: rope, absent });
    return {
      ropeTheta,
      ropeScaling: { type, factor, ...yarn(fields, rope, factor), originalMaxPositionEmbeddings },
    };
  }
  if (type === 'longrope') {
    const factor = fields.number('factor', {
      from: rope,
      absent: maxPositionEmbeddings / originalMaxPositionEmbeddings,
    });
    const recommended =
      factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(originalMaxPositionEmbeddings));
    return {
      ropeTheta,
      ropeScaling: {
        type,
        shortFactor: divisors(fields, 'short_factor', rope, headDim),
        longFactor: divisors(fields, 'long_factor', rope, headDim),
        attentionFactor: fields.number('attention_factor', { from: rope, absent: recommended }),
        originalMaxPositionEmbeddings,
        maxPositionEmbeddings,
      },
    };
  }
  const ropeScaling: RopeScaling = {
    type: 'llama3',
    factor: fields.number('factor', { from: rope }),
    lowFreqFactor: fields.number('low_freq_factor', { from: rope }),
    highFreqFactor: fields.number('high_freq_factor', { from: rope }),
    originalMaxPositionEmbeddings,
  };
  if (ropeScaling.highFreqFactor <= ropeScaling.lowFreqFactor) {
    throw fields.malformed('high_freq_factor is not above low_freq_factor');
  }
  return { ropeTheta, ropeScaling };
}

/** One for each pair of a head. */
function divisors(fields: Fields, name: string, rope: Json, headDim: number): number[] {
  const list = rope[name];
  if (!Array.isArray(list) || list.length !== headDim / 2)
    throw fields.malformed(`${name} is no list of ${headDim / 2} numbers, half a head of ${headDim}`);
  return list.map((value) => fields.number(name, { from: { [name]: value } }));
}

/** What absent fields of YaRN (arXiv 2309.00071) follow from; both `mscale`s are DeepSeek's. */
function yarn(fields: Fields, rope: Json, factor: number) {
  const optional = (name: string) => (rope[name] ? fields.number(name, { from: rope }) : undefined);
  const scale = (weight: number) => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);
  const [one, all] = [optional('mscale'), optional('mscale_all_dim')];
  return {
    attentionFactor: fields.number('attention_factor', {
      from: rope,
      absent: one && all ? scale(one) / scale(all) : scale(1),
    }),
    betaFast: optional('beta_fast') ?? 32,
    betaSlow: optional('beta_slow') ?? 1,
    truncate: rope.truncate !== false,
  };
}
