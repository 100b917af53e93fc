import { sizeOf } from '../graph.ts';
import { FlatTensors, type TensorShape, totalSize } from '../tensors.ts';
import type { LlamaConfig } from './config.ts';
import { familyOf } from './families.ts';

/** The modules of one layer that hold weights, by Hugging Face's names: [out, in] of a projection, [size] of a norm. */
function layerModules(config: LlamaConfig): Record<string, readonly number[]> {
  const { hiddenSize, intermediateSize, headDim } = config;
  const { norms, queryKeyNorm, fused } = familyOf(config);
  const query = config.numAttentionHeads * headDim;
  const keyValue = config.numKeyValueHeads * headDim;
  const norm = (module: string | undefined) => (module ? { [module]: [hiddenSize] } : {});
  const headNorm = (width: number) => [queryKeyNorm === 'head' ? headDim : width];
  const headNorms = { 'self_attn.q_norm': headNorm(query), 'self_attn.k_norm': headNorm(keyValue) };
  return {
    ...norm(norms.beforeAttention),
    ...(fused
      ? { 'self_attn.qkv_proj': [query + 2 * keyValue, hiddenSize] }
      : {
          'self_attn.q_proj': [query, hiddenSize],
          'self_attn.k_proj': [keyValue, hiddenSize],
          'self_attn.v_proj': [keyValue, hiddenSize],
        }),
    'self_attn.o_proj': [hiddenSize, query],
    ...(queryKeyNorm ? headNorms : {}),
    ...norm(norms.afterAttention),
    ...norm(norms.beforeMlp),
    ...(fused
      ? { 'mlp.gate_up_proj': [2 * intermediateSize, hiddenSize] }
      : {
          'mlp.gate_proj': [intermediateSize, hiddenSize],
          'mlp.up_proj': [intermediateSize, hiddenSize],
        }),
    'mlp.down_proj': [hiddenSize, intermediateSize],
    ...norm(norms.afterMlp),
  };
}

/** Every parameter of a checkpoint, as Hugging Face names and stores them, in a fixed order. */
export function parameterShapes(config: LlamaConfig): TensorShape[] {
  const { vocabSize, hiddenSize } = config;
  const biases = familyOf(config).biases(config);
  const hasBias = (module: string) => biases.some((name) => module.endsWith(`.${name}`));
  const layers = Array.from({ length: config.numHiddenLayers }, (_, layer) =>
    Object.entries(layerModules(config)).flatMap(([module, shape]) => {
      const name = `model.layers.${layer}.${module}`;
      const bias = { name: `${name}.bias`, shape: shape.slice(0, 1) };
      return [{ name: `${name}.weight`, shape }, ...(hasBias(module) ? [bias] : [])];
    }),
  );
  const head = config.tieWordEmbeddings ? [] : [{ name: 'lm_head.weight', shape: [vocabSize, hiddenSize] }];
  return [
    { name: 'model.embed_tokens.weight', shape: [vocabSize, hiddenSize] },
    ...layers.flat(),
    { name: 'model.norm.weight', shape: [hiddenSize] },
    ...head,
  ];
}

/** How many numbers those are; by arithmetic, since a config.json may claim any number of layers. */
export function parameterCount(config: LlamaConfig): number {
  const [none = 0, one = 0] = [0, 1].map((layers) =>
    totalSize(parameterShapes({ ...config, numHiddenLayers: layers })),
  );
  return none + config.numHiddenLayers * (one - none);
}

/** The weights of a model. */
export class Parameters extends FlatTensors {
  readonly config: LlamaConfig;

  constructor(config: LlamaConfig, buffer?: SharedArrayBuffer) {
    super(parameterShapes(config), buffer);
    this.config = config;
  }
}

/** Weights that stay as they are, in 16 bits: half the memory. Those that were stored in 16 bits are the same numbers but for what is
 * nearly nothing: a bfloat16 below 8·10⁻⁶ is rounded to a multiple of 6·10⁻⁸. */
export class HalfParameters {
  readonly config: LlamaConfig;
  readonly shapes: readonly TensorShape[];
  readonly flat: Float16Array<SharedArrayBuffer>;
  readonly #views = new Map<string, Float16Array<SharedArrayBuffer>>();

  constructor(config: LlamaConfig, buffer?: SharedArrayBuffer) {
    this.config = config;
    this.shapes = parameterShapes(config);
    const bytes = totalSize(this.shapes) * Float16Array.BYTES_PER_ELEMENT;
    this.flat = new Float16Array(buffer ?? new SharedArrayBuffer(bytes));
    let at = 0;
    for (const { name, shape } of this.shapes) {
      this.#views.set(name, this.flat.subarray(at, at + sizeOf(shape)));
      at += sizeOf(shape);
    }
  }

  get(name: string): Float16Array<SharedArrayBuffer> {
    const view = this.#views.get(name);
    if (!view) throw new Error(`no tensor is called ${name}`);
    return view;
  }
}

/** What an adapter may be trained on. */
export type BaseParameters = Parameters | HalfParameters;

/** Normal(0, 0.02) for matrices, with the residual projections scaled by 1/√(2 L) (GPT-2's recipe); gains are
 * one, biases zero. */
export function initialise(parameters: Parameters, uniform: () => number): void {
  const { unitGains } = familyOf(parameters.config);
  const residual = 1 / Math.sqrt(2 * parameters.config.numHiddenLayers);
  for (const { name, shape } of parameters.shapes) {
    const view = parameters.get(name);
    if (shape.length === 1) {
      view.fill(name.endsWith('.bias') || unitGains ? 0 : 1);
      continue;
    }
    const deviation = 0.02 * (/o_proj|down_proj/.test(name) ? residual : 1);
    for (let i = 0; i < view.length; i++) {
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      view[i] = deviation * radius * Math.cos(2 * Math.PI * uniform());
    }
  }
}
