import { type GenerateRequest, promptText, type TokenLogprob } from '../../model.ts';
import { CallFailure } from './call-failure.ts';
import { beforeStop, type Completion, type Paid } from './completion.ts';
import { type Ending, endingByLength, endingOf } from './finish-reason.ts';
import type { Terms } from './terms.ts';

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
  /** What the seed's field is called. */
  readonly seedField: 'seed' | 'random_seed';
  /** Whether the server is told the choices of an answer, by vLLM's field; absent: it is not. */
  readonly choice?: 'structured_outputs';
  /** Fields beyond the protocol, as `{top_k: -1}`; one that is null is left out. */
  readonly body?: Readonly<Body>;
}

/** The body of one call for n completions. Every sampling parameter is sent, since a server's defaults may come from the
 * model's generation_config.json, as far as its terms allow. */
export function requestBody(
  request: GenerateRequest,
  n: number,
  { model, api, system, prefill, seedField, choice, body }: BodyOptions,
  terms: Terms,
  stream = false,
): Body {
  const { prompt, maxTokens, temperature, topP, seed, stop, choices } = request;
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
    max_tokens: maxTokens,
    temperature,
    top_p: topP,
    [seedField]: shortSeed(seed),
    ...(stop && stop.length > 0 ? { stop } : {}),
    ...(n > 1 ? { n } : {}),
    ...(stream && !terms.without.has('stream') ? { stream, stream_options: { include_usage: true } } : {}),
    ...logprobFields(request, chat, terms),
    ...(choice && choices ? { [choice]: { choice: choices } } : {}),
    ...body,
  };
  if (terms.completionTokens && 'max_tokens' in fields) {
    fields.max_completion_tokens = fields.max_tokens;
    delete fields.max_tokens;
  }
  for (const name of terms.without) delete fields[name];
  for (const [name, value] of Object.entries(body ?? {})) if (value === null) delete fields[name];
  return fields;
}

function logprobFields({ logprobs }: GenerateRequest, chat: boolean, terms: Terms): Body {
  if (logprobs === undefined || terms.alternatives < 0) return {};
  const most = Math.min(logprobs, terms.alternatives);
  if (!chat || terms.countedLogprobs) return { logprobs: most };
  return { logprobs: true, ...(terms.alternatives === 0 ? {} : { top_logprobs: most }) };
}

/** Of 31 bits, which every server takes that takes a seed; neighbours stay neighbours. */
export function shortSeed(seed: number): number {
  return ((seed % 2 ** 31) + 2 ** 31) % 2 ** 31;
}

/** An error inside an answer of status 200, as one of the status that its code says. */
export class ErrorInside extends Error {
  readonly status: number | undefined;
  readonly code: string;
  readonly param: string | undefined;
  /** What the answer says that it used. */
  readonly paid: Paid | null;

  constructor(error: unknown, paid: Paid | null) {
    const { code, type, message, param } = record(error);
    super(typeof message === 'string' ? message : typeof error === 'string' ? error : 'no message');
    const word = [code, type].find((value) => typeof value === 'string');
    this.code = typeof word === 'string' ? word : '';
    const status = Number(code);
    this.status = status >= 400 && status < 600 ? status : statusOfWord(this.code);
    this.param = typeof param === 'string' ? param : undefined;
    this.paid = paid;
  }
}

/** The status that an error's word stands for, as `rate_limit_exceeded`. */
function statusOfWord(word: string): number | undefined {
  if (/quota|billing|credit/i.test(word)) return 402;
  if (/rate_?limit|too_many|overload|capacity|unavailable/i.test(word)) return 429;
  return /invalid_request|unsupported|bad_request/i.test(word) ? 400 : undefined;
}

/** What an answer holds. */
export interface ReadAnswer {
  /** Whole or cut ones, in their order. */
  readonly completions: readonly Completion[];
  /** Choices that came, those too that the server gave up. */
  readonly choices: number;
  /** Words for an ending that are not known. */
  readonly unknown: readonly { readonly word: string; readonly ending: 'stop' | 'length' }[];
}

/** The completions of an answer to a call for n. Throws ErrorInside or CallFailure for one that holds none: what a server sends is
 * not trusted to have the form that it should. All that it counted is paid for, and told of the completions that are kept. */
export function readAnswer(
  answer: unknown,
  request: GenerateRequest,
  n: number,
  { api, prefill: form }: Pick<BodyOptions, 'api' | 'prefill'>,
): ReadAnswer {
  const { prefill } = request.prompt;
  const repeated = api === 'chat' && form === 'prefix' && prefill;
  const { choices, usage, error } = record(answer);
  const used = usageOf(usage);
  // Routers send the status before the provider behind them has answered: the error may come beside choices of null, or of one that
  // is empty and "stopped".
  if (error !== undefined && error !== null) throw new ErrorInside(error, used);
  const lost = (what: string) => new CallFailure('transient', what, used ? { paid: used } : {});
  if (!Array.isArray(choices) || choices.length === 0) throw lost('an answer without choices');
  const inOrder = choices
    .map(record)
    .sort((a, b) => (typeof a.index === 'number' && typeof b.index === 'number' ? a.index - b.index : 0));
  // A server counts the tokens of a call, not of each of its completions.
  const share = (used?.completionTokens ?? 0) / inOrder.length;
  const ended = inOrder.map((choice) => ({ choice, ...ending(choice, request, share) }));
  const shape = api === 'chat' ? 'message' : 'text';
  const whole = ended.filter(({ choice, ending }) => {
    if (ending === 'interrupted' || (choice.error !== undefined && choice.error !== null)) return false;
    // What was filtered, or cut before its first word, may have no message.
    return (
      (choice[shape] ?? null) !== null || (ending !== 'stop' && typeof choice.finish_reason === 'string')
    );
  });
  const kept = whole.slice(0, n);
  if (kept.length === 0) {
    const inside = ended.find(({ choice }) => (choice.error ?? null) !== null)?.choice.error;
    if (inside !== undefined) throw new ErrorInside(inside, used);
    const word = ended.find(({ ending }) => ending === 'interrupted')?.choice.finish_reason;
    throw lost(
      word === undefined ? `a choice without ${shape}` : `a completion that ended by ${JSON.stringify(word)}`,
    );
  }
  const { promptTokens = 0, completionTokens: total = 0, cachedTokens } = used ?? {};
  const completions = kept
    .map(
      ({ choice, ending, word }, i): Completion => ({
        ...said(choice, api),
        finishReason: ending as Exclude<Ending, 'interrupted'>,
        ...(ending === 'refused' ? refusal(choice) : {}),
        ...(word === null ? {} : { rawFinishReason: word }),
        promptTokens,
        completionTokens: Math.floor(total / kept.length) + (i < total % kept.length ? 1 : 0),
        ...(used ? {} : { unmetered: true }),
        ...(i > 0 ? { promptShared: true } : {}),
        ...(i === 0 && cachedTokens ? { cachedTokens } : {}),
      }),
    )
    .map((completion) => beforeStop(repeated ? after(repeated, completion) : completion, request.stop));
  const unknown = kept.flatMap(({ known, word, ending }) =>
    known || word === null ? [] : [{ word, ending: ending as 'stop' | 'length' }],
  );
  return { completions, choices: inOrder.length, unknown };
}

/** What an answer says that it used; null where it says nothing. */
function usageOf(usage: unknown): Paid | null {
  const { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details, prompt_cache_hit_tokens } =
    record(usage);
  const promptTokens = count(prompt_tokens);
  // Some count thoughts in the total alone.
  const completionTokens = Math.max(count(completion_tokens), count(total_tokens) - promptTokens);
  if (promptTokens + completionTokens === 0) return null;
  const cached = count(record(prompt_tokens_details).cached_tokens) || count(prompt_cache_hit_tokens);
  return { promptTokens, completionTokens, cachedTokens: Math.min(promptTokens, cached) };
}

/** What is left of an answer that a content filter took. */
export function filtered(paid: Paid | undefined): Completion {
  const { promptTokens = 0, completionTokens = 0 } = paid ?? {};
  return {
    text: '',
    finishReason: 'refused',
    rawFinishReason: 'content_filter',
    promptTokens,
    completionTokens,
  };
}

/** Whether a request was refused for what it says: by Azure's and OpenAI's 400, or OpenRouter's 403
 * (https://openrouter.ai/docs/errors), whose code is otherwise that of a key without rights. */
export function isFiltered(status: number | undefined, code: unknown, message: string): boolean {
  if (status === 403) return /\bflagged\b|content_policy/i.test(`${code} ${message}`);
  return status === 400 && /content_filter|content_policy/.test(`${code} ${message}`);
}

type Said = Pick<Completion, 'text' | 'reasoning' | 'logprobs'>;

function said(choice: Body, api: OpenAIApi): Said {
  const logprobs = logprobsOf(choice.logprobs);
  return { ...(api === 'chat' ? message(choice) : text(choice)), ...(logprobs ? { logprobs } : {}) };
}

function text({ text }: Body): Said {
  return { text: typeof text === 'string' ? text : '' };
}

function message(choice: Body): Said {
  const { content, reasoning_content, reasoning } = record(choice.message);
  const { text, thought } = spoken(content);
  const thoughts = [reasoning_content, reasoning, thought].find(
    (value) => typeof value === 'string' && value !== '',
  );
  return {
    text,
    ...(thoughts === undefined ? {} : { reasoning: thoughts as string }),
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

/** In the form of chats, or in that of the older API: each server has one of them in either. */
function logprobsOf(logprobs: unknown): TokenLogprob[] | undefined {
  const { content, tokens, token_logprobs, top_logprobs } = record(logprobs);
  if (Array.isArray(content)) return content.map(chatLogprob);
  if (!Array.isArray(tokens) || !Array.isArray(token_logprobs)) return undefined;
  return tokens.map((token, i): TokenLogprob => {
    const top = Object.entries(record(Array.isArray(top_logprobs) ? top_logprobs[i] : null));
    return {
      ...logprob({ token, logprob: token_logprobs[i] }),
      top: top
        .map(([token, value]) => logprob({ token, logprob: value }))
        .sort((a, b) => b.logprob - a.logprob),
    };
  });
}

interface Ended {
  readonly ending: Ending;
  /** The server's own. */
  readonly word: string | null;
  readonly known: boolean;
}

function ending(choice: Body, { maxTokens }: GenerateRequest, completionTokens: number): Ended {
  const raw = choice.finish_reason;
  const word = typeof raw === 'string' ? raw.slice(0, 100) : null;
  if ('text' in refusal(choice)) return { ending: 'refused', word, known: true };
  const known = word === null ? undefined : endingOf(word);
  return { ending: known ?? endingByLength(completionTokens, maxTokens), word, known: known !== undefined };
}

/** A refusal's words, where a model has them apart. */
function refusal(choice: Body): { text?: string } {
  const { refusal } = record(choice.message);
  return typeof refusal === 'string' && refusal !== '' ? { text: refusal } : {};
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
