import type { Tokenizer } from '../model/local/tokenizer.ts';
import type { ChatTemplate } from '../prompts/chat-template.ts';
import { ApiError } from './api-error.ts';
import type { Delta, Generator, Sampling } from './generation.ts';

/** A checkpoint behind the API. */
export interface Served {
  /** The name that clients call it by. */
  readonly name: string;
  readonly revision: string;
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
  readonly generator: Generator;
  readonly vocabSize: number;
  /** How it is asked for a judgment, where it says so itself. */
  readonly judge?: object;
}

/** A request, ready to be sampled, and the words its answer comes in. */
export interface Job {
  readonly prompts: readonly (readonly number[])[];
  readonly sampling: Sampling;
  /** Tell the usage at the end of a stream. */
  readonly streamUsage: boolean;
  readonly id: string;
  /** The `object` of an answer, and of a stream's chunk. */
  readonly object: string;
  readonly chunk: string;
  /** What a stream says of a choice before its first text. */
  opening(choice: number): object | null;
  /** What is new of a choice, as an entry of a chunk's `choices`. */
  piece(delta: Delta): object;
  /** A whole choice, as an entry of `choices`. */
  whole(delta: Delta): object;
}

/** The fields that both kinds of request share. */
export interface SharedFields {
  readonly model?: string | null | undefined;
  readonly n?: number | null | undefined;
  readonly seed?: number | null | undefined;
  readonly stop?: string | string[] | null | undefined;
  readonly temperature?: number | null | undefined;
  readonly top_p?: number | null | undefined;
  readonly stream?: boolean | null | undefined;
}

/** Throws ApiError for a prompt that is empty or does not fit. */
export function samplingOf(
  served: Served,
  body: SharedFields,
  prompts: readonly (readonly number[])[],
  { maxTokens, logprobs, param }: { maxTokens: number | null; logprobs: number | null; param: string },
): Sampling {
  const { context } = served.generator.limits;
  const longest = Math.max(...prompts.map(({ length }) => length));
  if (prompts.some(({ length }) => length === 0)) {
    throw new ApiError(400, `${param}: the prompt has no tokens`, { param });
  }
  if (longest + (maxTokens ?? 1) > context) throw tooLong(context, longest, maxTokens, param);
  return {
    n: body.n ?? 1,
    seed: body.seed ?? Math.floor(Math.random() * 2 ** 32),
    maxTokens: maxTokens ?? context - longest,
    temperature: body.temperature ?? 1,
    topP: body.top_p ?? 1,
    stop: typeof body.stop === 'string' ? [body.stop] : (body.stop ?? []),
    logprobs,
    stream: body.stream ?? false,
  };
}

function tooLong(context: number, prompt: number, completion: number | null, param: string): ApiError {
  const requested =
    completion === null
      ? `your ${param === 'messages' ? 'messages have' : 'prompt has'} ${prompt} tokens`
      : `you requested ${prompt + completion} tokens (${prompt} in the ${param}, ${completion} in the completion)`;
  return new ApiError(
    400,
    `This model's maximum context length is ${context} tokens. However, ${requested}. ` +
      `Please reduce the length of the ${param} or completion.`,
    { param, code: 'context_length_exceeded' },
  );
}

/** Throws ApiError for more choices than may ever wait; asked before the prompts are looked at. */
export function checkCount({ generator }: Served, choices: number, param: string): void {
  const { queue } = generator.limits;
  if (choices <= queue) return;
  throw new ApiError(400, `${param}: ${choices} choices are more than this server queues (${queue})`, {
    param,
    code: 'too_big',
  });
}

/** A text as token ids. One that cannot fit is refused before it is looked at. */
export function encode(
  { tokenizer, generator }: Served,
  text: string,
  addSpecialTokens: boolean,
  param: string,
): readonly number[] {
  const { context } = generator.limits;
  if (text.length > context * LONGEST_TOKEN) {
    throw new ApiError(
      400,
      `This model's maximum context length is ${context} tokens. However, your text has ${text.length} characters. ` +
        `Please reduce the length of the ${param}.`,
      { param, code: 'context_length_exceeded' },
    );
  }
  return addSpecialTokens ? tokenizer.start(text) : tokenizer.encode(text);
}

/** Characters; the longest tokens of the usual vocabularies are runs of spaces. */
const LONGEST_TOKEN = 128;
