/** Port: anything that turns prompts into text. */

export interface GenerateRequest {
  /** Identifies the unit; its generation is stored and reused under this key. */
  readonly key: string;
  readonly prompt: string;
  readonly maxTokens: number;
  /** 0 is greedy. */
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
  /** The completion ends before the first of these. */
  readonly stop?: readonly string[];
}

export interface Generation {
  readonly key: string;
  readonly text: string;
  /** `length`: the text was cut at maxTokens; it is never a complete answer. */
  readonly finishReason: 'stop' | 'length';
  readonly promptTokens: number;
  readonly completionTokens: number;
}

export interface Model {
  /** Changes whenever the weights do (a hash of them), so that a generation is never reused for another model. */
  readonly revision: string;
  /** Yields each generation as it ends, in any order; exactly one for each request. Requests are pulled lazily. */
  generate(requests: Iterable<GenerateRequest>, signal?: AbortSignal): AsyncIterable<Generation>;
  close(): Promise<void>;
}
