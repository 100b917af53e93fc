import type { LlamaConfig, Rope } from './config.ts';

type Vector = ArrayLike<number>;

const product = (weight: Vector, x: readonly number[], bias?: Vector): number[] =>
  Array.from({ length: weight.length / x.length }, (_, row) =>
    x.reduce((total, value, i) => total + value * weight[row * x.length + i]!, bias?.[row] ?? 0),
  );

function normalised(x: readonly number[], gain: Vector, epsilon: number): number[] {
  const mean = x.reduce((total, value) => total + value * value, 0) / x.length;
  return x.map((value, i) => (value / Math.sqrt(mean + epsilon)) * gain[i]!);
}

/** Llama 3.1's report and transformers' `llama3`: wavelengths of more than L / low positions are stretched by the factor,
 * those of less than L / high are not, with a linear passage in L / wavelength between. */
function frequency({ ropeTheta, ropeScaling: scaling }: Rope, headDim: number, pair: number): number {
  const plain = ropeTheta ** ((-2 * pair) / headDim);
  if (scaling === undefined) return plain;
  if (scaling.type === 'linear') return plain / scaling.factor;
  if (scaling.type === 'longrope') return plain / (scaling.shortFactor[pair] as number);
  if (scaling.type === 'yarn') {
    // A dimension's turns in the first length, and the dimensions of two numbers of turns.
    const at = (turns: number) =>
      (headDim * Math.log(scaling.originalMaxPositionEmbeddings / (2 * Math.PI * turns))) /
      (2 * Math.log(ropeTheta));
    const [low, high] = [at(scaling.betaFast), at(scaling.betaSlow)];
    const [from, to] = scaling.truncate ? [Math.floor(low), Math.ceil(high)] : [low, high];
    const share = (pair - Math.max(0, from)) / (Math.min(headDim - 1, to) - Math.max(0, from));
    const stretched = Math.min(1, Math.max(0, share));
    return (stretched * plain) / scaling.factor + (1 - stretched) * plain;
  }
  const wavelength = (2 * Math.PI) / plain;
  const {
    factor,
    lowFreqFactor: low,
    highFreqFactor: high,
    originalMaxPositionEmbeddings: trained,
  } = scaling;
  if (wavelength > trained / low) return plain / factor;
  if (wavelength < trained / high) return plain;
  const smooth = (trained / wavelength - low) / (high - low);
  return (1 - smooth) * (plain / factor) + smooth * plain;
}

/** One head at one position: element i turns with element i + d/2. */
function turned(rope: Rope, head: readonly number[], position: number): number[] {
  const half = head.length / 2;
  return head.map((value, i) => {
    const angle = position * frequency(rope, head.length, i % half);
    const { ropeScaling: scaling } = rope;
    const factor = scaling && 'attentionFactor' in scaling ? scaling.attentionFactor : 1;
    const turned =
      value * Math.cos(angle) + (i < half ? -head[i + half]! : head[i - half]!) * Math.sin(angle);
    return factor * turned;
  });
}

const headsOf = (row: readonly number[], width: number): number[][] =>
  Array.from({ length: row.length / width }, (_, head) => row.slice(head * width, (head + 1) * width));

const dot = (a: readonly number[], b: readonly number[]) =>
  a.reduce((total, value, i) => total + value * b[i]!, 0);

/** The norms of what attention and the MLP take and give, and how queries and keys are normalised. */
const NORMS: Readonly<Record<string, readonly (string | null)[]>> = {
  gemma3_text: [
    'input_layernorm',
    'post_attention_layernorm',
    'pre_feedforward_layernorm',
    'post_feedforward_layernorm',
  ],
  olmo2: [null, 'post_attention_layernorm', null, 'post_feedforward_layernorm'],
};
const QUERY_KEY_NORMS: Readonly<Record<string, 'head' | 'whole'>> = {
  qwen3: 'head',
  gemma3_text: 'head',
  olmo2: 'whole',
};

/** The model as its definition reads, one token and one head at a time, in double precision; logits [T · V] of one
 * sequence. Tests hold the graphs against it. */
export function referenceLogits(
  config: LlamaConfig,
  weights: ReadonlyMap<string, Vector>,
  ids: readonly number[],
): number[] {
  const { hiddenSize, headDim, rmsNormEps } = config;
  const embedding = weights.get('model.embed_tokens.weight')!;
  const { modelType = 'llama' } = config;
  const gemma = modelType === 'gemma3_text';
  const scale = 1 / Math.sqrt(config.queryPreAttnScalar ?? headDim);
  const activation = (z: number) =>
    gemma
      ? (z / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (z + 0.044715 * z ** 3)))
      : z / (1 + Math.exp(-z));
  const gained = (weight: Vector) => (gemma ? Array.from(weight, (value) => 1 + value) : weight);
  const [beforeAttention, afterAttention, beforeMlp, afterMlp] = NORMS[modelType] ?? [
    'input_layernorm',
    null,
    'post_attention_layernorm',
    null,
  ];
  const groups = config.numAttentionHeads / config.numKeyValueHeads;
  let rows = ids.map((id) =>
    Array.from(
      { length: hiddenSize },
      (_, i) => embedding[id * hiddenSize + i]! * (gemma ? Math.sqrt(hiddenSize) : 1),
    ),
  );
  for (let layer = 0; layer < config.numHiddenLayers; layer++) {
    const rope = (config.layers?.[layer]?.sliding && config.localRope) || config;
    const window = config.layers?.[layer]?.sliding ? config.slidingWindow! : ids.length;
    const at = (name: string) => weights.get(`model.layers.${layer}.${name}.weight`)!;
    const apply = (name: string, x: readonly number[]) => {
      const own = weights.get(`model.layers.${layer}.${name}.weight`) ?? partOf(name, x.length);
      return product(own, x, weights.get(`model.layers.${layer}.${name}.bias`));
    };
    /** Rows of one matrix in which Phi-3 has several. */
    const partOf = (name: string, width: number): Vector => {
      const [query, keyValue] = [config.numAttentionHeads * headDim, config.numKeyValueHeads * headDim];
      const [whole, start, rows] = {
        'self_attn.q_proj': ['self_attn.qkv_proj', 0, query] as const,
        'self_attn.k_proj': ['self_attn.qkv_proj', query, keyValue] as const,
        'self_attn.v_proj': ['self_attn.qkv_proj', query + keyValue, keyValue] as const,
        'mlp.gate_proj': ['mlp.gate_up_proj', 0, config.intermediateSize] as const,
        'mlp.up_proj': ['mlp.gate_up_proj', config.intermediateSize, config.intermediateSize] as const,
      }[name]!;
      return Array.prototype.slice.call(at(whole), start * width, (start + rows) * width);
    };
    const normed = (row: number[], name: string | null | undefined) =>
      name ? normalised(row, gained(at(name)), rmsNormEps) : row;
    const normal = rows.map((row) => normed(row, beforeAttention));
    const project = (name: string) =>
      normal.map((row) => {
        const all = apply(`self_attn.${name}_proj`, row);
        const whole = QUERY_KEY_NORMS[modelType] === 'whole' && name !== 'v';
        return headsOf(normed(all, whole ? `self_attn.${name}_norm` : null), headDim);
      });
    const rotate = (name: string) => (heads: number[][], position: number) =>
      heads.map((head) => {
        const own = QUERY_KEY_NORMS[modelType] === 'head' ? `self_attn.${name}_norm` : null;
        const normal = normed(head, own);
        return config.layers?.[layer]?.rotated === false ? normal : turned(rope, normal, position);
      });
    const queries = project('q').map(rotate('q'));
    const keys = project('k').map(rotate('k'));
    const values = project('v');
    rows = rows.map((row, t) => {
      const mixed = queries[t]!.flatMap((query, head) => {
        const shared = Math.floor(head / groups);
        const seen = ids
          .slice(0, t + 1)
          .map((_, s) => (t - s < window ? Math.exp(dot(query, keys[s]![shared]!) * scale) : 0));
        const total = seen.reduce((a, b) => a + b, 0);
        return query.map((_, i) =>
          seen.reduce((mean, p, s) => mean + (p / total) * values[s]![shared]![i]!, 0),
        );
      });
      const output = normed(apply('self_attn.o_proj', mixed), afterAttention);
      const attended = output.map((value, i) => value + row[i]!);
      const inner = normed(attended, beforeMlp);
      const gate = apply('mlp.gate_proj', inner);
      const up = apply('mlp.up_proj', inner);
      const down = apply(
        'mlp.down_proj',
        gate.map((z, i) => activation(z) * up[i]!),
      );
      return normed(down, afterMlp).map((value, i) => attended[i]! + value);
    });
  }
  const head = config.tieWordEmbeddings ? embedding : weights.get('lm_head.weight')!;
  return rows.flatMap((row) =>
    product(head, normalised(row, gained(weights.get('model.norm.weight')!), rmsNormEps)),
  );
}
