import type { GenerateRequest, Model, Prompt } from '../model.ts';
import { wellFormed } from '../text/well-formed.ts';
import { CallFailure } from './remote/call-failure.ts';
import { beforeStop, type Completion, type Job, type Paid } from './remote/completion.ts';
import { type Ending, endingByLength, endingOf } from './remote/finish-reason.ts';
import { httpFailure } from './remote/http-failure.ts';
import { Notes } from './remote/notes.ts';
import { shortSeed } from './remote/openai-protocol.ts';
import { type CompletionEndpoint, type RemoteOptions, remoteModel } from './remote/remote.ts';
import { environmentRedactor } from './remote/secret.ts';
import { refusedSampling, SEED_LEFT_OUT, samplingRemedy } from './remote/terms.ts';

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
    readonly warnings?: readonly object[] | undefined;
  }>;
}

export interface AiSdkOptions extends RemoteOptions {
  readonly system?: string;
  /** Whether this model goes on from a last message of the assistant, as Anthropic's older ones do. Default: no. */
  readonly prefills?: boolean;
  /** As in the AI SDK: what only this provider knows, by its name. */
  readonly providerOptions?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Told once what the provider made impossible, as a seed that it does not send on. */
  readonly notice?: (message: string) => void;
}

/** A model of any AI SDK provider: `aiSdk(anthropic('claude-sonnet-4-5'))`. The provider has the key. There are neither several
 * completions of one call nor log-probabilities; connections and their time-outs are the provider's. */
export function aiSdk(model: LanguageModel, options: AiSdkOptions = {}): Model {
  const { revision = '', system = '', providerOptions = {}, prefills = false } = options;
  const { provider, modelId } = model;
  const identity = ['ai-sdk', provider, modelId, revision, system, JSON.stringify(providerOptions)];
  const notes = new Notes(`${provider} ${modelId}`, options.notice);
  const endpoint = new AiSdkEndpoint(model, options, notes);
  return {
    ...remoteModel(identity, [endpoint], { chat: true, prefills }, options),
    logprobs: false,
    close: async () => notes.close(),
  };
}

class AiSdkEndpoint implements CompletionEndpoint {
  readonly name: string;
  readonly takesN = false;
  readonly #model: LanguageModel;
  readonly #options: AiSdkOptions;
  readonly #notes: Notes;

  constructor(model: LanguageModel, options: AiSdkOptions, notes: Notes) {
    this.name = `${model.provider} ${model.modelId}`;
    this.#model = model;
    this.#options = options;
    this.#notes = notes;
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
          seed: shortSeed(seed),
          ...(stop && stop.length > 0 ? { stopSequences: [...stop] } : {}),
          abortSignal: signal,
          ...(providerOptions ? { providerOptions } : {}),
        });
        const completion = this.#read(answer, request);
        this.#heed(answer.warnings ?? [], request, completion);
        job.completions.push(beforeStop(completion, stop));
      } catch (error) {
        if (error instanceof CallFailure) throw error;
        throw failure(error, this.name, request);
      }
    }
  }

  /** What the provider says that it did not send on. Throws CallFailure where that decides the answer. */
  #heed(warnings: readonly object[], request: GenerateRequest, paid: Paid): void {
    for (const warning of warnings) {
      const { setting, feature, details = '' } = warning as Readonly<Record<string, unknown>>;
      const name = setting ?? feature;
      if (name === 'seed') this.#notes.once(`${this.name} ${SEED_LEFT_OUT}`);
      if ((name !== 'temperature' && name !== 'topP') || request[name] === 1) continue;
      throw new CallFailure('denied', `${this.name} does not take ${name} ${request[name]}: ${details}`, {
        remedy: samplingRemedy([name === 'topP' ? 'top_p' : name], false),
        paid,
      });
    }
  }

  #read(
    answer: Awaited<ReturnType<LanguageModel['doGenerate']>>,
    { maxTokens }: GenerateRequest,
  ): Completion {
    const { content, finishReason, usage } = answer;
    // v2 and v3 give a word; v4 gives two, its own and the server's.
    const { unified, raw } = (
      typeof finishReason === 'string' ? { unified: finishReason, raw: undefined } : finishReason
    ) as { readonly unified: string; readonly raw: string | undefined };
    const { inputTokens, outputTokens, cachedInputTokens } = usage as Record<string, unknown>;
    const completionTokens = total(outputTokens);
    const cached = total(
      (inputTokens as { cacheRead?: unknown } | undefined)?.cacheRead ?? cachedInputTokens,
    );
    const paid: Paid = {
      promptTokens: total(inputTokens),
      completionTokens,
      ...(cached > 0 ? { cachedTokens: cached } : {}),
    };
    const known = unified === 'unknown' || unified === 'other' ? raw && endingOf(raw) : endingOf(unified);
    const ending: Ending = known || endingByLength(completionTokens, maxTokens);
    if (ending === 'interrupted')
      throw new CallFailure('transient', `a completion that ended by ${JSON.stringify(raw ?? unified)}`, {
        paid,
      });
    if (!known) this.#notes.unknownEnd(raw ?? unified, endingByLength(completionTokens, maxTokens));
    const said = (type: string) =>
      content
        .filter((part) => part.type === type)
        .map((part) => wellFormed((part as { readonly text?: string }).text ?? ''))
        .join('');
    const reasoning = said('reasoning');
    return {
      text: said('text'),
      finishReason: ending,
      rawFinishReason: raw ?? unified,
      ...paid,
      ...(paid.promptTokens + completionTokens === 0 ? { unmetered: true } : {}),
      ...(reasoning === '' ? {} : { reasoning }),
    };
  }
}

function sdkMessages({ messages, prefill }: Prompt): Parameters<LanguageModel['doGenerate']>[0]['prompt'] {
  const parts = (text: string) => [{ type: 'text' as const, text }];
  const all = messages.map(({ role, content }) =>
    role === 'system' ? { role, content } : { role, content: parts(content) },
  );
  return prefill ? [...all, { role: 'assistant', content: parts(prefill) }] : all;
}

/** A count of tokens: v2 has numbers, v3 and v4 objects. */
function total(tokens: unknown): number {
  const count =
    typeof tokens === 'object' && tokens !== null ? (tokens as { total?: unknown }).total : tokens;
  return typeof count === 'number' && count > 0 ? count : 0;
}

/** The AI SDK's errors, by name: its classes live in packages that need not be there. */
function failure(error: unknown, name: string, { temperature, topP }: GenerateRequest): CallFailure {
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
  const code = data?.error?.code;
  const header = (header: string) => responseHeaders?.[header];
  const failed = httpFailure({ error, status: statusCode, code, header }, name, redact);
  const refusal = { status: statusCode, message: failed.message, code };
  const refused = refusedSampling(refusal, { temperature, top_p: topP });
  if (refused.length === 0) return failed;
  return new CallFailure('denied', failed.message, { remedy: samplingRemedy(refused, false) });
}
