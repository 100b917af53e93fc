import { type FinishReason, type GenerateRequest, promptText, type TokenLogprob } from '../../model.ts';
import { CallFailure, kindOfStatus } from './call-failure.ts';
import { beforeStop, type Completion } from './completion.ts';
import { LONGEST, REMEDIES } from './http-failure.ts';

/** `chat`: messages, which the server puts into the model's chat template. `completions`: the prompt is the text that the model
 * continues. */
export type OpenAIApi = 'chat' | 'completions';

/** How a chat is told that the answer already begins, all by a last message of the assistant:
 * `continue_final_message`: vLLM's and SGLang's field (with `add_generation_prompt: false`);
 * `prefix`: a field of that message, as with DeepSeek (its address ends with /beta) and Mistral;
 * `assistant`: the message alone, as with fronts of Anthropic's models, llama-server and OpenRouter;
 * `none`: it is not. */
export type PrefillForm = 'continue_final_message' | 'prefix' | 'assistant' | 'none';

type Body = Record<string, unknown>;

export interface BodyOptions {
  readonly model: string;
  readonly api: OpenAIApi;
  readonly system?: string;
  readonly prefill: PrefillForm;
  /** Fields beyond the protocol, as `{top_k: -1}`. */
  readonly body?: Readonly<Body>;
}

/** The body of one call for n completions. Every sampling parameter is sent, since a server's defaults may come from the
 * model's generation_config.json; `refused` names those that it has refused before. */
export function requestBody(
  request: GenerateRequest,
  n: number,
  { model, api, system, prefill, body }: BodyOptions,
  refused: ReadonlySet<string>,
  stream = false,
): Body {
  const { prompt, maxTokens, temperature, topP, seed, stop, logprobs } = request;
  const chat = api === 'chat';
  const begun = Boolean(prompt.prefill);
  const messages = [
    ...(system === undefined ? [] : [{ role: 'system', content: system }]),
    ...prompt.messages.map(({ role, content }) => ({ role, content })),
    ...(begun
      ? [{ role: 'assistant', content: prompt.prefill, ...(prefill === 'prefix' ? { prefix: true } : {}) }]
      : []),
  ];
  const continued = chat && begun && prefill === 'continue_final_message';
  const fields: Body = {
    model,
    ...(chat ? { messages } : { prompt: promptText(prompt) }),
    ...(continued ? { add_generation_prompt: false, continue_final_message: true } : {}),
    [chat && refused.has('max_tokens') ? 'max_completion_tokens' : 'max_tokens']: maxTokens,
    temperature,
    top_p: topP,
    seed,
    ...(stop && stop.length > 0 ? { stop } : {}),
    ...(n > 1 ? { n } : {}),
    ...(stream && !refused.has('stream') ? { stream, stream_options: { include_usage: true } } : {}),
    ...(logprobs === undefined ? {} : chat ? { logprobs: true, top_logprobs: logprobs } : { logprobs }),
    ...body,
  };
  for (const name of refused) if (name !== 'max_tokens') delete fields[name];
  return fields;
}

/** Those without which a request still means the same, or nearly: `max_tokens` has another name where it is refused. */
const OPTIONAL = [
  'temperature',
  'top_p',
  'seed',
  'stop',
  'logprobs',
  'top_logprobs',
  'n',
  'max_tokens',
  'stream_options',
  'stream',
];

/** The parameter that a 400 or 422 is about, if it is one that may be left out: reasoning models take no temperature, and
 * servers differ in the rest. */
export function refusedParameter(
  message: string,
  param: string | null | undefined,
  sent: Body,
): string | null {
  const named = OPTIONAL.filter((name) => name in sent);
  if (param && named.includes(param)) return param;
  if (
    !/unsupported|not? support|unrecognized|unknown|unexpected|not permitted|not allowed|extra/i.test(message)
  )
    return null;
  return named.find((name) => new RegExp(`(?<![a-z_])${name}(?![a-z_])`).test(message)) ?? null;
}

/** The completions of an answer, in their order. Throws CallFailure for one that is none: what a server sends is not trusted
 * to have the form that it should. */
export function readCompletions(
  answer: unknown,
  request: GenerateRequest,
  { api, prefill: form }: Pick<BodyOptions, 'api' | 'prefill'>,
): Completion[] {
  const { prefill } = request.prompt;
  const repeated = api === 'chat' && form === 'prefix' && prefill;
  const { choices, usage, error } = record(answer);
  // Routers send the status before the provider behind them has answered: the error may come beside choices of null, or of one that
  // is empty and "stopped".
  if (error !== undefined && error !== null) return [errorInside(error)];
  if (!Array.isArray(choices) || choices.length === 0) {
    throw new CallFailure('transient', 'an answer without choices');
  }
  const shape = api === 'chat' ? 'message' : 'text';
  if (!choices.every((choice) => shape in record(choice) && record(choice)[shape] !== null)) {
    throw new CallFailure('transient', `a choice without ${shape}`);
  }
  const inOrder = choices
    .map(record)
    .sort((a, b) => (typeof a.index === 'number' && typeof b.index === 'number' ? a.index - b.index : 0));
  const { prompt_tokens, completion_tokens, prompt_tokens_details } = record(usage);
  const promptTokens = count(prompt_tokens);
  const total = count(completion_tokens);
  const cached = Math.min(promptTokens, count(record(prompt_tokens_details).cached_tokens));
  return inOrder
    .map((choice, i) => {
      // A server counts the tokens of a call, not of each of its completions.
      const share = Math.floor(total / inOrder.length) + (i < total % inOrder.length ? 1 : 0);
      const tokens = {
        promptTokens,
        completionTokens: share,
        ...(i > 0 ? { promptShared: true } : {}),
        ...(i === 0 && cached > 0 ? { cachedTokens: cached } : {}),
      };
      return {
        ...(api === 'chat' ? message(choice) : text(choice)),
        ...tokens,
        ...end(choice, request, share),
      };
    })
    .map((completion) => beforeStop(repeated ? after(repeated, completion) : completion, request.stop));
}

/** An answer of status 200 that holds an error: a refusal, or a failure of the kind that its code says, which is that of a status. */
function errorInside(error: unknown): Completion {
  const { code, message } = record(error);
  const said = typeof message === 'string' ? message : typeof error === 'string' ? error : 'no message';
  const status = Number(code);
  if (isFiltered(status, code, said)) return FILTERED;
  const kind = status >= 400 && status < 600 ? kindOfStatus(status) : 'transient';
  const remedy = REMEDIES[status];
  const what = `an error with status 200: ${kind === 'transient' ? '' : `${status} `}${said}`.slice(
    0,
    LONGEST,
  );
  throw new CallFailure(kind, what, remedy === undefined ? {} : { remedy });
}

/** What is left of an answer that a content filter took. */
export const FILTERED: Completion = {
  text: '',
  finishReason: 'refused',
  rawFinishReason: 'content_filter',
  promptTokens: 0,
  completionTokens: 0,
};

/** Whether a request was refused for what it says: by Azure's and OpenAI's 400, or OpenRouter's 403
 * (https://openrouter.ai/docs/errors), whose code is otherwise that of a key without rights. */
export function isFiltered(status: number | undefined, code: unknown, message: string): boolean {
  if (status === 403) return /\bflagged\b|content_policy/i.test(`${code} ${message}`);
  return status === 400 && /content_filter|content_policy/.test(`${code} ${message}`);
}

function message(choice: Body): Pick<Completion, 'text' | 'reasoning' | 'logprobs'> {
  const { content, reasoning_content, reasoning } = record(choice.message);
  const { text, thought } = spoken(content);
  const thoughts = [reasoning_content, reasoning, thought].find(
    (value) => typeof value === 'string' && value !== '',
  );
  const logprobs = record(choice.logprobs).content;
  return {
    text,
    ...(thoughts === undefined ? {} : { reasoning: thoughts as string }),
    ...(Array.isArray(logprobs) ? { logprobs: logprobs.map(chatLogprob) } : {}),
  };
}

/** A content, or a piece of one: a text, or Mistral's list of chunks, of which some are thoughts
 * (https://docs.mistral.ai/resources/cookbooks/mistral-reasoning). */
export function spoken(content: unknown): { readonly text: string; readonly thought: string } {
  const chunks = Array.isArray(content) ? content.map(record) : [{ text: content }];
  const joined = (parts: readonly Body[]) =>
    parts.map(({ text }) => (typeof text === 'string' ? text : '')).join('');
  const thinking = chunks.flatMap(({ thinking }) => (Array.isArray(thinking) ? thinking.map(record) : []));
  return { text: joined(chunks), thought: joined(thinking) };
}

function chatLogprob(entry: unknown): TokenLogprob {
  const { top_logprobs } = record(entry);
  return { ...logprob(entry), top: Array.isArray(top_logprobs) ? top_logprobs.map(logprob) : [] };
}

function logprob(entry: unknown): { readonly token: string; readonly logprob: number } {
  const { token, logprob } = record(entry);
  return { token: String(token), logprob: typeof logprob === 'number' ? logprob : Number.NEGATIVE_INFINITY };
}

function text(choice: Body): Pick<Completion, 'text' | 'logprobs'> {
  const { tokens, token_logprobs, top_logprobs } = record(choice.logprobs);
  const said = typeof choice.text === 'string' ? choice.text : '';
  if (!Array.isArray(tokens) || !Array.isArray(token_logprobs)) return { text: said };
  const logprobs = tokens.map((token, i): TokenLogprob => {
    const top = Object.entries(record(Array.isArray(top_logprobs) ? top_logprobs[i] : null));
    return {
      ...logprob({ token, logprob: token_logprobs[i] }),
      top: top
        .map(([token, value]) => logprob({ token, logprob: value }))
        .sort((a, b) => b.logprob - a.logprob),
    };
  });
  return { text: said, logprobs };
}

const FINISH_REASONS: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  eos: 'stop',
  eos_token: 'stop',
  stop_sequence: 'stop',
  end_turn: 'stop',
  length: 'length',
  max_tokens: 'length',
  model_length: 'length',
  content_filter: 'refused',
  refusal: 'refused',
  safety: 'refused',
};

function end(
  choice: Body,
  { maxTokens }: GenerateRequest,
  completionTokens: number,
): Pick<Completion, 'finishReason' | 'rawFinishReason'> & { text?: string } {
  const { refusal } = record(choice.message);
  const raw = choice.finish_reason;
  const said = typeof raw === 'string' ? { rawFinishReason: raw } : {};
  if (typeof refusal === 'string' && refusal !== '')
    return { finishReason: 'refused', text: refusal, ...said };
  // Some servers say nothing; then a completion of full length was cut.
  if (raw === null || raw === undefined) {
    return { finishReason: completionTokens >= maxTokens ? 'length' : 'stop' };
  }
  const finishReason = FINISH_REASONS[String(raw)];
  if (finishReason !== undefined) return { finishReason, ...said };
  // A server that is shut down aborts what it is at.
  const kind = raw === 'abort' || raw === 'error' ? 'transient' : 'permanent';
  throw new CallFailure(kind, `a completion that ended by ${JSON.stringify(raw)}`);
}

/** The completion alone, where a server repeats what it began with, as Mistral's does. */
function after(prefill: string, completion: Completion): Completion {
  return completion.text.startsWith(prefill)
    ? { ...completion, text: completion.text.slice(prefill.length) }
    : completion;
}

function record(value: unknown): Body {
  return typeof value === 'object' && value !== null ? (value as Body) : {};
}

function count(value: unknown): number {
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : 0;
}
