import { FlatTensors, type TensorShape, totalSize } from '../tensors.ts';
import type { LlamaConfig } from './config.ts';
import { familyOf } from './families.ts';

/** The modules of one layer that hold weights, by Hugging Face's names: [out, in] of a projection, [size] of a norm. */
function layerModules(config: LlamaConfig): Record<string, readonly number[]> {
  const { hiddenSize, intermediateSize, headDim } = config;
  const query = config.numAttentionHeads * headDim;
  const keyValue = config.numKeyValueHeads * headDim;
  const norms = { 'self_attn.q_norm': [headDim], 'self_attn.k_norm': [headDim] };
  return {
    input_layernorm: [hiddenSize],
    'self_attn.q_proj': [query, hiddenSize],
    'self_attn.k_proj': [keyValue, hiddenSize],
    'self_attn.v_proj': [keyValue, hiddenSize],
    'self_attn.o_proj': [hiddenSize, query],
    ...(familyOf(config).queryKeyNorm ? norms : {}),
    post_attention_layernorm: [hiddenSize],
    'mlp.gate_proj': [intermediateSize, hiddenSize],
    'mlp.up_proj': [intermediateSize, hiddenSize],
    'mlp.down_proj': [hiddenSize, intermediateSize],
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

/** Normal(0, 0.02) for matrices, with the residual projections scaled by 1/√(2 L) (GPT-2's recipe); gains are
 * one, biases zero. */
export function initialise(parameters: Parameters, uniform: () => number): void {
  const residual = 1 / Math.sqrt(2 * parameters.config.numHiddenLayers);
  for (const { name, shape } of parameters.shapes) {
    const view = parameters.get(name);
    if (shape.length === 1) {
      view.fill(name.endsWith('.bias') ? 0 : 1);
      continue;
    }
    const deviation = 0.02 * (/o_proj|down_proj/.test(name) ? residual : 1);
    for (let i = 0; i < view.length; i++) {
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      view[i] = deviation * radius * Math.cos(2 * Math.PI * uniform());
    }
  }
}
