import { shown } from '../errors.ts';
import type { LayerKind, LlamaConfig } from './config.ts';
import { familyOf } from './families.ts';
import type { Family } from './family.ts';
import type { Fields, Json } from './fields.ts';

export const SLIDING = 'sliding_attention';
export const FULL = 'full_attention';

/** What each layer of a model is. */
export function layersOf({ layers, numHiddenLayers }: LlamaConfig): readonly LayerKind[] {
  return layers ?? Array.from({ length: numHiddenLayers }, () => ({ sliding: false, rotated: true }));
}

/** The window of those layers that have one. */
export function windowOf(config: LlamaConfig): number | undefined {
  return layersOf(config).some(({ sliding }) => sliding) ? config.slidingWindow : undefined;
}

/** What scores are multiplied by before their softmax. */
export function attentionScale({ queryPreAttnScalar, headDim }: LlamaConfig): number {
  return 1 / Math.sqrt(queryPreAttnScalar ?? headDim);
}

/** Which layers have a window, by config.json. */
function slidingLayers(
  fields: Fields,
  { name, windows, defaults }: Family,
  rotated: readonly boolean[],
): boolean[] {
  const { sliding_window: window = defaults.sliding_window ?? null } = fields.raw;
  const computed = rotated.map(
    (turned, layer) => window !== null && (windows?.slides(fields, layer, turned) ?? true),
  );
  const { layer_types: types } = fields.raw;
  if (Array.isArray(types)) {
    const other = types.find((type) => type !== FULL && type !== SLIDING);
    if (other !== undefined)
      throw fields.unsupported(`layer_types has ${shown(other)}; this engine runs ${FULL} and ${SLIDING}`);
    const listed = types.map((type) => type === SLIDING);
    if (types.length !== rotated.length)
      throw fields.malformed(`layer_types has ${types.length} of ${rotated.length} layers`);
    if (windows?.listed) return listed;
    if (listed.some((sliding, layer) => sliding !== computed[layer]))
      throw fields.unsupported(
        `layer_types has ${SLIDING} and sliding_window is ${shown(window)}, which ${name} does not have`,
      );
    return listed;
  }
  if (windows === null && window !== null && fields.flag('use_sliding_window', true))
    // transformers would not see it; other programs would obey it.
    throw fields.unsupported(`sliding_window is ${shown(window)}, which ${name} does not have`);
  return computed;
}

/** How config.json says that layers differ. */
export function layersFrom(
  fields: Fields,
  family: Family,
  count: number,
): Pick<LlamaConfig, 'layers' | 'slidingWindow'> {
  const rotated = Array.from({ length: count }, (_, layer) => family.rotates?.(fields, layer) ?? true);
  const sliding = slidingLayers(fields, family, rotated);
  const hasWindow = sliding.includes(true);
  if (!hasWindow && !rotated.includes(false)) return {};
  const layers = rotated.map((turned, layer) => ({ sliding: sliding[layer] as boolean, rotated: turned }));
  if (!hasWindow) return { layers };
  return {
    slidingWindow: fields.count('sliding_window', { absent: family.defaults.sliding_window }),
    layers,
  };
}

/** The same, as config.json says it. */
export function layersToJson(config: LlamaConfig): Json {
  const { windows, rotates, defaults } = familyOf(config);
  const window = windowOf(config) ?? null;
  if (windows && !windows.listed) return { sliding_window: window };
  const layers = layersOf(config);
  return {
    ...(rotates ? { no_rope_layers: layers.map(({ rotated }) => Number(rotated)) } : {}),
    ...(config.layers || config.localRope
      ? {
          sliding_window: window,
          ...(Object.hasOwn(defaults, 'use_sliding_window') ? { use_sliding_window: window !== null } : {}),
          layer_types: layers.map(({ sliding }) => (sliding ? SLIDING : FULL)),
        }
      : {}),
  };
}
