/** `model_type` of config.json, of the families that this engine runs. */
export type ModelType =
  | 'gemma3_text'
  | 'llama'
  | 'mistral'
  | 'olmo2'
  | 'phi3'
  | 'qwen2'
  | 'qwen3'
  | 'smollm3';

/** How the rotary frequencies of a checkpoint trained on short texts are stretched for longer ones; names as in Hugging
 * Face's rope_parameters. */
export type RopeScaling =
  | { readonly type: 'linear'; readonly factor: number }
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalMaxPositionEmbeddings: number;
    }
  | {
      readonly type: 'yarn';
      readonly factor: number;
      /** Of cos and sin, and so of scores twice. */
      readonly attentionFactor: number;
      readonly betaFast: number;
      readonly betaSlow: number;
      readonly originalMaxPositionEmbeddings: number;
      /** The bounds between which frequencies are mixed are whole dimensions. */
      readonly truncate: boolean;
    }
  | {
      readonly type: 'longrope';
      /** The frequencies of a head are divided by these, in texts of the first length; longer ones are not run. */
      readonly shortFactor: readonly number[];
      /** The same in longer texts, for who reads the checkpoint after us. */
      readonly longFactor: readonly number[];
      /** Of cos and sin. */
      readonly attentionFactor: number;
      readonly originalMaxPositionEmbeddings: number;
      /** Positions of the longest text that the model is for. */
      readonly maxPositionEmbeddings: number;
    };

/** By what queries and keys are rotated. */
export interface Rope {
  readonly ropeTheta: number;
  readonly ropeScaling?: RopeScaling;
}

/** What layers of one model may differ in. */
export interface LayerKind {
  /** A token sees the last `slidingWindow` tokens only, itself among them. */
  readonly sliding: boolean;
  /** Queries and keys are rotated by their positions. */
  readonly rotated: boolean;
}

/** What a checkpoint of Llama or of a family that is much like it is; names as in Hugging Face's config.json, in camel case. What may be
 * left out is what Llama 2 does not have. */
export interface LlamaConfig extends Rope {
  /** Absent: llama. */
  readonly modelType?: ModelType;
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  /** That the engine runs. */
  readonly maxPositionEmbeddings: number;
  readonly rmsNormEps: number;
  /** Of sliding layers, where theirs is another. */
  readonly localRope?: Rope;
  /** Scores are divided by its root; absent: the size of a head. */
  readonly queryPreAttnScalar?: number;
  /** There is one where a layer is sliding. */
  readonly slidingWindow?: number;
  /** Of each layer; absent: all are rotated, none is sliding. */
  readonly layers?: readonly LayerKind[];
  /** Biases beyond those that every model of the family has. */
  readonly attentionBias?: boolean;
  readonly mlpBias?: boolean;
  /** The output head is the embedding table itself. */
  readonly tieWordEmbeddings: boolean;
  readonly bosTokenId: number;
  /** Any of these ends a text; there is at least one. */
  readonly eosTokenIds: readonly number[];
  readonly padTokenId: number;
  /** The text of the config.json that this was read from, as it is to be written: with all that the engine has no use
   * for. */
  readonly source?: string;
}
