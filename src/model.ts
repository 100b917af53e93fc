/** Port: anything that answers messages with text. */

import type { Turn } from './types.ts';

export type Message = Turn;

export interface Prompt {
  readonly messages: readonly Message[];
  /** The answer already begins so; what is generated goes on from it. */
  readonly prefill?: string;
}

/** A text as the only message, a user's. */
export function userPrompt(content: string, prefill?: string): Prompt {
  return { messages: [{ role: 'user', content }], ...(prefill ? { prefill } : {}) };
}

/** A prompt as one text: for scripts, estimates, and models that continue a text. */
export function promptText({ messages, prefill = '' }: Prompt): string {
  return messages.map(({ content }) => content).join('\n\n') + prefill;
}

export interface Sampling {
  /** 0 is greedy. */
  readonly temperature: number;
  readonly topP: number;
  readonly maxTokens: number;
}

export interface GenerateRequest extends Sampling {
  /** Identifies the unit; its generation is stored and reused under this key. */
  readonly key: string;
  readonly prompt: Prompt;
  /** Requests that follow each other, alike but for seeds s, s + 1, … s + n − 1, may become one call for n completions. */
  readonly seed: number;
  /** The completion ends before the first of these. */
  readonly stop?: readonly string[];
  /** Wants the log-probability of each token of the completion, with this many alternatives; a model may not have them. */
  readonly logprobs?: number;
  /** The completion is to be one of these, or begins one where it is cut; a model may not heed it, so that who asks checks. */
  readonly choices?: readonly string[];
}

export type Requests = Iterable<GenerateRequest> | AsyncIterable<GenerateRequest>;

/** `stop`: the model ended by itself. `length`: cut at maxTokens, never a complete answer. `refused`: the model or a content
 * filter declined. `error`: nothing came, however often it was asked, or the prompt is longer than what the model reads.
 * Only `stop` is an answer. */
export type FinishReason = 'stop' | 'length' | 'refused' | 'error';

export interface Generation {
  readonly key: string;
  /** The whole output, without the prefill; a refusal's words where it is `refused`. */
  readonly text: string;
  readonly finishReason: FinishReason;
  readonly promptTokens: number;
  /** Reasoning included. */
  readonly completionTokens: number;
  /** Those of the prompt that were read from a cache. */
  readonly cachedTokens?: number;
  /** In the currency of the model's prices; absent where they are unknown. */
  readonly cost?: number;
  /** What a reasoning model wrote before its answer, where its server tells. */
  readonly reasoning?: string;
  readonly logprobs?: readonly TokenLogprob[];
  /** The server's own word for how it ended. */
  readonly rawFinishReason?: string;
  /** What went wrong, of an `error`. */
  readonly error?: string;
  /** Of an `error`: the same request would fail again. */
  readonly permanent?: true;
}

/** One token of a completion and the natural logarithm of its probability. */
export interface TokenLogprob {
  readonly token: string;
  readonly logprob: number;
  /** The most probable tokens at its place, best first. */
  readonly top: readonly { readonly token: string; readonly logprob: number }[];
}

export interface GenerateOptions {
  /** An abort ends the generations early. */
  readonly signal?: AbortSignal | undefined;
  /** Hears the text so far of a completion while it is written, at least once, at last the whole. A model that cannot stream
   * tells the whole text only. */
  readonly onDelta?: ((key: string, text: string) => void) | undefined;
}

/** Version of how messages are shown to models: part of every model's revision, so that an answer to another rendering is never
 * reused. To be raised with every change of what a model sees of the same messages. */
export const RENDERING = 'rendering 3';

export interface Model {
  /** Changes whenever the weights do, or the way in which messages are shown to them: a generation is never reused for another
   * model or rendering. */
  readonly revision: string;
  /** Whether it goes on from a prefill; one that does not throws EvalPlannerError `usage` for it. */
  readonly prefills: boolean;
  /** False for one that never has log-probabilities; absent: a request tells. */
  readonly logprobs?: false;
  /** Messages are shown to it by a template, so that rows it is trained on hold messages too; absent: as they stand. */
  readonly chat?: boolean;
  /** Yields each generation as it ends, in any order; exactly one for each request. Requests are pulled lazily; a source
   * that waits must not wait for generations of the same call. */
  generate(requests: Requests, options?: GenerateOptions): AsyncIterable<Generation>;
  close(): Promise<void>;
}
