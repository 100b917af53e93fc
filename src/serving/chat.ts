import { randomUUID } from 'node:crypto';
import type { ChosenToken } from '../engine/sampling/sample.ts';
import { EvalPlannerError } from '../errors.ts';
import type { Tokenizer } from '../model/local/tokenizer.ts';
import type { ChatTemplate } from '../prompts/chat-template.ts';
import { ApiError } from './api-error.ts';
import { checkCount, encode, type Job, type Served, samplingOf } from './job.ts';
import { readChat } from './requests.ts';

/** `POST /v1/chat/completions`. */
export function chat(served: Served, input: unknown): Job {
  const body = readChat(input);
  const { tokenizer, template } = served;
  const { logprobs, top_logprobs: top } = body;
  if (top && !logprobs) {
    throw new ApiError(400, 'top_logprobs: it needs logprobs to be true', { param: 'top_logprobs' });
  }
  checkCount(served, body.n ?? 1, 'n');
  const continued = body.continue_final_message ?? false;
  if (continued && body.add_generation_prompt) {
    throw new ApiError(400, 'continue_final_message: it cannot be set together with add_generation_prompt', {
      param: 'continue_final_message',
    });
  }
  if (continued && body.messages.at(-1)?.role !== 'assistant') {
    throw new ApiError(400, 'continue_final_message: the last message is none of the assistant', {
      param: 'continue_final_message',
    });
  }
  const text = rendered(template, body.messages, {
    ...body.chat_template_kwargs,
    ...(body.add_generation_prompt === false ? { add_generation_prompt: false } : {}),
    ...(continued ? { continue_final_message: true } : {}),
  });
  const prompts = [encode(served, text, !template.complete, 'messages')];
  const logprobsOf = (tokens: readonly ChosenToken[]) =>
    logprobs ? { content: tokens.map((token) => entry(tokenizer, token)), refusal: null } : null;
  return {
    prompts,
    sampling: samplingOf(served, body, prompts, {
      maxTokens: body.max_completion_tokens ?? body.max_tokens ?? null,
      logprobs: logprobs ? (top ?? 0) : null,
      param: 'messages',
    }),
    streamUsage: body.stream_options?.include_usage ?? false,
    id: `chatcmpl-${randomUUID()}`,
    object: 'chat.completion',
    chunk: 'chat.completion.chunk',
    opening: (index) => ({
      index,
      delta: { role: 'assistant', content: '' },
      logprobs: null,
      finish_reason: null,
    }),
    piece: ({ choice: index, text, tokens, finishReason }) => ({
      index,
      delta: text === '' ? {} : { content: text },
      logprobs: tokens.length === 0 ? null : logprobsOf(tokens),
      finish_reason: finishReason,
    }),
    whole: ({ choice: index, text, tokens, finishReason }) => ({
      index,
      message: { role: 'assistant', content: text, refusal: null },
      logprobs: logprobsOf(tokens),
      finish_reason: finishReason,
    }),
  };
}

function rendered({ complete, render }: ChatTemplate, ...of: Parameters<ChatTemplate['render']>): string {
  try {
    return render(...of);
  } catch (error) {
    if (!(error instanceof EvalPlannerError)) throw error;
    throw new ApiError(400, `${error.message}; ${error.remedy}`, {
      param: 'messages',
      ...(complete ? {} : { code: 'no_chat_template' }),
    });
  }
}

function entry(tokenizer: Tokenizer, { logprobs = [] }: ChosenToken): object {
  const [chosen, ...likeliest] = logprobs.map(({ token, logprob }) => {
    const bytes = tokenizer.bytes(token);
    return { token: new TextDecoder().decode(bytes), logprob, bytes: [...bytes] };
  });
  return { ...chosen, top_logprobs: likeliest };
}
