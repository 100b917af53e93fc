import { z } from 'zod';
import { ApiError } from './api-error.ts';

/** The bodies that clients send, as OpenAI describes them. Null is as good as absent; unknown fields are ignored; known
 * ones that would change the answer and that this server cannot honour are refused (see UNSUPPORTED). */

const integer = z.int();
/** The most stop texts, and likeliest tokens, that one request may name. */
const STOPS = 64;
const LIKELIEST = 20;

const common = {
  model: z.string().nullish(),
  n: integer.min(1).nullish(),
  seed: integer.nullish(),
  stop: z
    .union([z.string().min(1), z.array(z.string().min(1)).max(STOPS)], {
      error: `expected a text or up to ${STOPS} of them, none empty`,
    })
    .nullish(),
  temperature: z.number().min(0).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
};

const completion = z.object({
  ...common,
  prompt: z.union(
    [
      z.string(),
      z.array(z.string()).min(1),
      z.array(integer.min(0)).min(1),
      z.array(z.array(integer.min(0)).min(1)).min(1),
    ],
    { error: 'expected a text, a list of texts, token ids, or a list of lists of token ids' },
  ),
  max_tokens: integer.min(0).nullish(),
  logprobs: integer.min(0).max(LIKELIEST).nullish(),
  echo: z.boolean().nullish(),
  add_special_tokens: z.boolean().nullish(),
});

const part = z.object({ type: z.literal('text'), text: z.string() });
const message = z.looseObject({
  role: z.string().min(1),
  content: z
    .union([z.string(), z.array(part)], { error: 'expected a text or parts of type text' })
    .nullish()
    // A template prints text; parts are its lines.
    .transform((content) =>
      typeof content === 'string' ? content : (content ?? []).map(({ text }) => text).join('\n'),
    ),
});

const chat = z.object({
  ...common,
  messages: z.array(message).min(1),
  max_tokens: integer.min(1).nullish(),
  max_completion_tokens: integer.min(1).nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: integer.min(0).max(LIKELIEST).nullish(),
  add_generation_prompt: z.boolean().nullish(),
  continue_final_message: z.boolean().nullish(),
  chat_template_kwargs: z.record(z.string(), z.unknown()).nullish(),
});

export type CompletionBody = z.infer<typeof completion>;
export type ChatBody = z.infer<typeof chat>;

const empty = (value: unknown) => Object.keys(value as object).length === 0;
/** What another server would do and this one cannot, with the values that ask for nothing. */
const UNSUPPORTED: Readonly<Record<string, (value: unknown) => boolean>> = {
  frequency_penalty: (value) => value === 0,
  presence_penalty: (value) => value === 0,
  repetition_penalty: (value) => value === 1,
  top_k: (value) => value === 0 || value === -1,
  min_p: (value) => value === 0,
  min_tokens: (value) => value === 0,
  best_of: (value) => value === 1,
  logit_bias: empty,
  suffix: (value) => value === '',
  stop_token_ids: empty,
  bad_words: empty,
  ignore_eos: (value) => value === false,
  use_beam_search: (value) => value === false,
  include_stop_str_in_output: (value) => value === false,
  skip_special_tokens: (value) => value === true,
  continue_final_message: (value) => value === false,
  prompt_logprobs: () => false,
  tools: empty,
  functions: empty,
  response_format: (value) => (value as { type?: unknown }).type === 'text',
  structured_outputs: empty,
  guided_json: () => false,
  guided_regex: () => false,
  guided_choice: () => false,
  guided_grammar: () => false,
};

export const readCompletion = (body: unknown): CompletionBody => read(completion, body);
export const readChat = (body: unknown): ChatBody => read(chat, body);

/** Throws ApiError (400) that names the field. */
function read<T extends z.ZodObject>(schema: T, body: unknown): z.infer<T> {
  const { data, error } = schema.safeParse(body);
  if (error) {
    const [issue] = error.issues;
    const param = issue?.path.length ? issue.path.join('.') : null;
    const message = issue?.message ?? 'invalid request';
    throw new ApiError(400, param === null ? message : `${param}: ${message}`, {
      param,
      code: issue?.code ?? null,
    });
  }
  for (const [param, neutral] of Object.entries(UNSUPPORTED)) {
    // A chat has what a completion has not.
    if (param in schema.shape) continue;
    const value = (body as Readonly<Record<string, unknown>>)[param];
    if (value === undefined || value === null || neutral(value)) continue;
    throw new ApiError(400, `${param}: this server does not support it; leave it out`, {
      param,
      code: 'unsupported_parameter',
    });
  }
  return data as z.infer<T>;
}
