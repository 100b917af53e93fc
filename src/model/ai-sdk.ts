import type { FinishReason, Model, Prompt } from '../model.ts';
import { CallFailure } from './remote/call-failure.ts';
import { beforeStop, type Completion, type Job } from './remote/completion.ts';
import { httpFailure } from './remote/http-failure.ts';
import { type CompletionEndpoint, type RemoteOptions, remoteModel } from './remote/remote.ts';
import { environmentRedactor } from './remote/secret.ts';

/** As much of the AI SDK's LanguageModel (specifications v2 to v4) as is used: what its providers make, with no need of the
 * package `ai`, whose generateText would retry on its own. */
export interface LanguageModel {
  readonly provider: string;
  readonly modelId: string;
  doGenerate(options: {
    prompt: (
      | { role: 'system'; content: string }
      | { role: 'user'; content: { type: 'text'; text: string }[] }
      | { role: 'assistant'; content: { type: 'text'; text: string }[] }
    )[];
    maxOutputTokens: number;
    temperature?: number;
    topP?: number;
    seed: number;
    stopSequences?: string[];
    abortSignal: AbortSignal;
    // biome-ignore lint/suspicious/noExplicitAny: each specification has a type of its own, all of them JSON
    providerOptions?: any;
  }): PromiseLike<{
    readonly content: readonly { readonly type: string }[];
    readonly finishReason: unknown;
    readonly usage: object;
  }>;
}

export interface AiSdkOptions extends RemoteOptions {
  readonly system?: string;
  /** Whether this model goes on from a last message of the assistant, as Anthropic's older ones do. Default: no. */
  readonly prefills?: boolean;
  /** As in the AI SDK: what only this provider knows, by its name. */
  readonly providerOptions?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** A model of any AI SDK provider: `aiSdk(anthropic('claude-sonnet-4-5'))`. The provider has the key. There are neither several
 * completions of one call nor log-probabilities; connections and their time-outs are the provider's. */
export function aiSdk(model: LanguageModel, options: AiSdkOptions = {}): Model {
  const { revision = '', system = '', providerOptions = {}, prefills = false } = options;
  const { provider, modelId } = model;
  const identity = ['ai-sdk', provider, modelId, revision, system, JSON.stringify(providerOptions)];
  return remoteModel(identity, [new AiSdkEndpoint(model, options)], { chat: true, prefills }, options);
}

class AiSdkEndpoint implements CompletionEndpoint {
  readonly name: string;
  readonly takesN = false;
  readonly #model: LanguageModel;
  readonly #options: AiSdkOptions;

  constructor(model: LanguageModel, options: AiSdkOptions) {
    this.name = `${model.provider} ${model.modelId}`;
    this.#model = model;
    this.#options = options;
  }

  async call(job: Job, signal: AbortSignal): Promise<void> {
    const { system, providerOptions } = this.#options;
    for (const request of job.requests.slice(job.completions.length)) {
      const { prompt, maxTokens, temperature, topP, seed, stop } = request;
      try {
        const answer = await this.#model.doGenerate({
          prompt: [
            ...(system === undefined ? [] : [{ role: 'system' as const, content: system }]),
            ...sdkMessages(prompt),
          ],
          maxOutputTokens: maxTokens,
          temperature,
          topP,
          seed,
          ...(stop && stop.length > 0 ? { stopSequences: [...stop] } : {}),
          abortSignal: signal,
          ...(providerOptions ? { providerOptions } : {}),
        });
        job.completions.push(beforeStop(read(answer, maxTokens), stop));
      } catch (error) {
        if (error instanceof CallFailure) throw error;
        throw failure(error, this.name);
      }
    }
  }
}

function sdkMessages({ messages, prefill }: Prompt): Parameters<LanguageModel['doGenerate']>[0]['prompt'] {
  const parts = (text: string) => [{ type: 'text' as const, text }];
  const all = messages.map(({ role, content }) =>
    role === 'system' ? { role, content } : { role, content: parts(content) },
  );
  return prefill ? [...all, { role: 'assistant', content: parts(prefill) }] : all;
}

const FINISH_REASONS: Readonly<Record<string, FinishReason>> = {
  stop: 'stop',
  length: 'length',
  'content-filter': 'refused',
};

function read(
  { content, finishReason, usage }: Awaited<ReturnType<LanguageModel['doGenerate']>>,
  maxTokens: number,
): Completion {
  // v2 and v3 give a word; v4 gives two, its own and the server's.
  const { unified, raw } = (
    typeof finishReason === 'string' ? { unified: finishReason, raw: undefined } : finishReason
  ) as { readonly unified: string; readonly raw: string | undefined };
  const { inputTokens, outputTokens, cachedInputTokens } = usage as Record<string, unknown>;
  const completionTokens = total(outputTokens);
  const unsaid = unified === 'unknown' || unified === 'other';
  const ended = unsaid ? (completionTokens >= maxTokens ? 'length' : 'stop') : FINISH_REASONS[unified];
  if (ended === undefined) {
    const kind = unified === 'error' || unified === 'interrupted' ? 'transient' : 'permanent';
    throw new CallFailure(kind, `a completion that ended by ${JSON.stringify(unified)}`);
  }
  const cached = total((inputTokens as { cacheRead?: unknown } | undefined)?.cacheRead ?? cachedInputTokens);
  const said = (type: string) =>
    content
      .filter((part) => part.type === type)
      .map((part) => (part as { readonly text?: string }).text ?? '')
      .join('');
  const reasoning = said('reasoning');
  return {
    text: said('text'),
    finishReason: ended,
    rawFinishReason: raw ?? unified,
    promptTokens: total(inputTokens),
    completionTokens,
    ...(cached > 0 ? { cachedTokens: cached } : {}),
    ...(reasoning === '' ? {} : { reasoning }),
  };
}

/** A count of tokens: v2 has numbers, v3 and v4 objects. */
function total(tokens: unknown): number {
  const count =
    typeof tokens === 'object' && tokens !== null ? (tokens as { total?: unknown }).total : tokens;
  return typeof count === 'number' && count > 0 ? count : 0;
}

/** The AI SDK's errors, by name: its classes live in packages that need not be there. */
function failure(error: unknown, name: string): CallFailure {
  const redact = environmentRedactor();
  const {
    name: kind = '',
    statusCode,
    responseHeaders,
    data,
  } = (error ?? {}) as {
    readonly name?: string;
    readonly statusCode?: number;
    readonly responseHeaders?: Readonly<Record<string, string>>;
    readonly data?: { readonly error?: { readonly code?: string } };
  };
  if (
    /LoadAPIKey|LoadSetting|NoSuchModel|UnsupportedFunctionality|InvalidArgument|InvalidPrompt/.test(kind)
  ) {
    return new CallFailure('permanent', `${name}: ${redact((error as Error).message)}`, {
      remedy: 'check the key, the settings and the model that the provider was made with',
    });
  }
  return httpFailure(
    { error, status: statusCode, code: data?.error?.code, header: (header) => responseHeaders?.[header] },
    name,
    redact,
  );
}
