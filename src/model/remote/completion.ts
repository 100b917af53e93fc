import type { GenerateRequest, Generation, Prompt } from '../../model.ts';

/** What a server answers to one request. */
export interface Completion extends Omit<Generation, 'key' | 'cost' | 'error'> {
  /** Its prompt was counted with another completion of the same call. */
  readonly promptShared?: boolean;
  /** The server did not say what it used. */
  readonly unmetered?: true;
}

/** Tokens that are paid for. */
export type Paid = Pick<Completion, 'promptTokens' | 'completionTokens' | 'cachedTokens'>;

/** Requests that may be one call: alike but for their seeds, which follow each other. */
export interface Job {
  readonly requests: readonly GenerateRequest[];
  /** What has come, in the order of the requests; a call that is repeated asks for the rest only. */
  readonly completions: Completion[];
  /** Hears the text so far of a request, by its place. */
  readonly onDelta?: (index: number, text: string) => void;
}

/** Joins neighbours into jobs of at most `most()` requests. */
export async function* jobs(
  requests: Iterable<GenerateRequest> | AsyncIterable<GenerateRequest>,
  most: () => number,
): AsyncGenerator<Job, void, undefined> {
  let group: GenerateRequest[] = [];
  for await (const request of requests) {
    const first = group[0];
    if (first && !(group.length < most() && alike(first, request, group.length))) {
      yield { requests: group, completions: [] };
      group = [];
    }
    group.push(request);
    if (group.length >= most()) {
      yield { requests: group, completions: [] };
      group = [];
    }
  }
  if (group.length > 0) yield { requests: group, completions: [] };
}

function alike(first: GenerateRequest, other: GenerateRequest, distance: number): boolean {
  return (
    other.seed === first.seed + distance &&
    samePrompt(other.prompt, first.prompt) &&
    other.maxTokens === first.maxTokens &&
    other.temperature === first.temperature &&
    other.topP === first.topP &&
    other.logprobs === first.logprobs &&
    (other.stop ?? []).join('\0') === (first.stop ?? []).join('\0') &&
    (other.choices ?? []).join('\0') === (first.choices ?? []).join('\0')
  );
}

export function samePrompt(a: Prompt, b: Prompt): boolean {
  return (
    a === b ||
    (a.prefill === b.prefill &&
      a.messages.length === b.messages.length &&
      a.messages.every(({ role, content }, i) => {
        const other = b.messages[i];
        return role === other?.role && content === other.content;
      }))
  );
}

/** The completion up to the first stop, where a server went on. */
export function beforeStop(completion: Completion, stop: readonly string[] = []): Completion {
  const ends = stop.map((text) => completion.text.indexOf(text)).filter((at) => at >= 0);
  if (ends.length === 0 || completion.finishReason === 'refused') return completion;
  return { ...completion, text: completion.text.slice(0, Math.min(...ends)), finishReason: 'stop' };
}
