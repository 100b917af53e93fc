/** Of one million tokens, in any currency. */
export interface Prices {
  readonly prompt: number;
  readonly completion: number;
  /** Of prompt tokens that were read from a cache; without it they cost what others do. */
  readonly cached?: number;
}

/** What requests may cost, before one is asked. */
export interface Estimate {
  readonly requests: number;
  /** At four bytes for each token, which is near for English. */
  readonly promptTokens: number;
  /** If every completion is as long as it may be. */
  readonly maxCompletionTokens: number;
  /** Of both; null without prices. */
  readonly cost: number | null;
}
