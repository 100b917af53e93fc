import type { TokenLogprob } from './logprobs.ts';

export interface SampleRequest {
  readonly index: number;
  readonly prompt: readonly number[];
  /** After how many of its tokens beginnings end that other prompts may share: each is computed by itself, and kept. A sequence is a
   * function of where it is cut, too; to say nothing changes nothing. */
  readonly cuts?: readonly number[];
  readonly maxTokens: number;
  /** 0 is greedy. */
  readonly temperature: number;
  readonly topP: number;
  readonly seed: number;
  /** A sequence ends with the first of these; it is kept in the tokens. */
  readonly stopIds: readonly number[];
  /** Keep the log-probability of each token, with those of so many likeliest ones. */
  readonly logprobs?: number;
  /** Tell of each token as it is chosen, with as many of its likeliest alternatives (null: without probabilities). */
  readonly watch?: { readonly logprobs: number | null };
}

/** A token of a request that watches. */
export interface ChosenToken {
  readonly index: number;
  readonly token: number;
  /** The chosen token's first, then the likeliest ones'; see tokenLogprobs. */
  readonly logprobs?: readonly TokenLogprob[];
  /** With the first token of a prompt that is cut; see Sample. */
  readonly cachedTokens?: number;
}

export interface Sample {
  readonly index: number;
  readonly tokens: readonly number[];
  /** `length`: maxTokens or the capacity came first. */
  readonly finishReason: 'stop' | 'length';
  /** Of each token, where the request asked for them: see tokenLogprobs. */
  readonly logprobs?: readonly (readonly TokenLogprob[])[];
  /** Of a prompt that is cut, the tokens that were there already. */
  readonly cachedTokens?: number;
}
