import { randomUUID } from 'node:crypto';
import type { ChosenToken } from '../engine/sampling/sample.ts';
import { ApiError } from './api-error.ts';
import { checkCount, encode, type Job, type Served, samplingOf } from './job.ts';
import { type CompletionBody, readCompletion } from './requests.ts';

/** OpenAI's default. */
const MAX_TOKENS = 16;

/** `POST /v1/completions`. */
export function completions(served: Served, input: unknown): Job {
  const body = readCompletion(input);
  const { tokenizer, generator } = served;
  const logprobs = body.logprobs ?? null;
  if (body.echo && logprobs !== null) {
    throw new ApiError(
      400,
      'echo: this server has no log-probabilities of prompts; leave echo or logprobs out',
      {
        param: 'echo',
        code: 'unsupported_parameter',
      },
    );
  }
  const texts = textsOf(body.prompt);
  const count = texts?.length ?? (typeof body.prompt[0] === 'number' ? 1 : body.prompt.length);
  checkCount(served, count * (body.n ?? 1), (body.n ?? 1) > 1 ? 'n' : 'prompt');
  const prompts =
    texts?.map((text) => encode(served, text, body.add_special_tokens ?? true, 'prompt')) ??
    idsOf(body.prompt, served.vocabSize);
  const longest = Math.max(...prompts.map(({ length }) => length));
  const room = Math.max(1, generator.limits.context - longest);
  const sampling = samplingOf(served, body, prompts, {
    maxTokens: body.max_tokens ?? Math.min(MAX_TOKENS, room),
    logprobs,
    param: 'prompt',
  });
  const echo = (choice: number) => {
    if (!body.echo) return '';
    const prompt = Math.floor(choice / sampling.n);
    return texts?.[prompt] ?? tokenizer.decode(prompts[prompt] as number[]);
  };
  /** Where each choice's next token begins in its text. */
  const offsets = new Map<number, number>();
  const logprobsOf = (choice: number, tokens: readonly ChosenToken[]) => {
    if (logprobs === null) return null;
    const name = (id: number) => new TextDecoder().decode(tokenizer.bytes(id));
    const names = tokens.map(({ token }) => name(token));
    let offset = offsets.get(choice) ?? 0;
    const textOffset = names.map(({ length }) => {
      offset += length;
      return offset - length;
    });
    offsets.set(choice, offset);
    return {
      tokens: names,
      token_logprobs: tokens.map((token) => token.logprobs?.[0]?.logprob ?? null),
      top_logprobs: tokens.map((token) =>
        Object.fromEntries((token.logprobs ?? []).map(({ token, logprob }) => [name(token), logprob])),
      ),
      text_offset: textOffset,
    };
  };
  return {
    prompts,
    sampling,
    streamUsage: body.stream_options?.include_usage ?? false,
    id: `cmpl-${randomUUID()}`,
    object: 'text_completion',
    chunk: 'text_completion',
    opening: (index) =>
      body.echo ? { index, text: echo(index), logprobs: null, finish_reason: null } : null,
    piece: ({ choice: index, text, tokens, finishReason }) => ({
      index,
      text,
      logprobs: tokens.length === 0 ? null : logprobsOf(index, tokens),
      finish_reason: finishReason,
    }),
    whole: ({ choice: index, text, tokens, finishReason }) => ({
      index,
      text: echo(index) + text,
      logprobs: logprobsOf(index, tokens),
      finish_reason: finishReason,
    }),
  };
}

function textsOf(prompt: CompletionBody['prompt']): readonly string[] | null {
  if (typeof prompt === 'string') return [prompt];
  return typeof prompt[0] === 'string' ? (prompt as string[]) : null;
}

function idsOf(prompt: CompletionBody['prompt'], vocabSize: number): readonly (readonly number[])[] {
  const prompts = (typeof prompt[0] === 'number' ? [prompt] : prompt) as number[][];
  const unknown = prompts.flat().find((id) => id >= vocabSize);
  if (unknown === undefined) return prompts;
  throw new ApiError(400, `prompt: ${unknown} is no token of this model; it has ${vocabSize}`, {
    param: 'prompt',
  });
}
