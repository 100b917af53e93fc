import { shown } from '../errors.ts';
import type { LayerKind, LlamaConfig } from './config.ts';
import { familyOf } from './families.ts';
import type { Family } from './family.ts';
import type { Fields, Json } from './fields.ts';

const SLIDING = 'sliding_attention';
const FULL = 'full_attention';

/** What each layer of a model is. */
export function layersOf({ layers, numHiddenLayers }: LlamaConfig): readonly LayerKind[] {
  return layers ?? Array.from({ length: numHiddenLayers }, () => ({ sliding: false }));
}

/** The window of those layers that have one. */
export function windowOf(config: LlamaConfig): number | undefined {
  return layersOf(config).some(({ sliding }) => sliding) ? config.slidingWindow : undefined;
}

/** Which layers have a window, by config.json. */
function slidingLayers(fields: Fields, { name, windows, defaults }: Family, count: number): boolean[] {
  const window = Object.hasOwn(fields.raw, 'sliding_window')
    ? fields.raw.sliding_window
    : defaults.sliding_window;
  const hasWindow = (window ?? null) !== null;
  const slides = (layer: number) => hasWindow && (windows?.slides(fields, layer) ?? true);
  const computed = Array.from({ length: count }, (_, layer) => slides(layer));
  const { layer_types: types } = fields.raw;
  if (Array.isArray(types)) {
    const other = types.find((type) => type !== FULL && type !== SLIDING);
    if (other !== undefined)
      throw fields.unsupported(`layer_types has ${shown(other)}; this engine runs ${FULL} and ${SLIDING}`);
    const listed = types.map((type) => type === SLIDING);
    if (types.length !== count) throw fields.malformed(`layer_types has ${types.length} of ${count} layers`);
    if (windows?.listed) return listed;
    if (listed.some((sliding, layer) => sliding !== computed[layer]))
      throw fields.unsupported(
        `layer_types has ${SLIDING} and sliding_window is ${shown(window)}, which ${name} does not have`,
      );
    return listed;
  }
  if (windows === null && hasWindow && fields.flag('use_sliding_window', true))
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
  const sliding = slidingLayers(fields, family, count);
  if (!sliding.includes(true)) return {};
  const slidingWindow = fields.count('sliding_window', { absent: family.defaults.sliding_window });
  return { slidingWindow, layers: sliding.map((sliding) => ({ sliding })) };
}

/** The same, as config.json says it. */
export function layersToJson(config: LlamaConfig): Json {
  const { windows, defaults } = familyOf(config);
  const window = { sliding_window: windowOf(config) ?? null };
  if (windows && !windows.listed) return window;
  if (!config.layers) return {};
  return {
    ...window,
    ...(Object.hasOwn(defaults, 'use_sliding_window')
      ? { use_sliding_window: window.sliding_window !== null }
      : {}),
    layer_types: config.layers.map(({ sliding }) => (sliding ? SLIDING : FULL)),
  };
}
