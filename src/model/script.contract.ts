import { type GenerateOptions, type Generation, type Model, promptText, type Requests } from '../model.ts';
import { type Script, type ScriptRequest, scriptAnswer } from './scripted.ts';

/** A scripted model for tests of the stages, which remembers what it was asked. Texts end before
 * a stop, as a model's do; generations come in reverse, since a model gives them in any order. */
export class ScriptModel implements Model {
  readonly revision: string;
  readonly prefills = true;
  /** With each request's prompt as one text. */
  readonly asked: ScriptRequest[] = [];
  readonly #script: Script;

  constructor(script: Script, revision = 'script') {
    this.revision = revision;
    this.#script = script;
  }

  async *generate(requests: Requests, { onDelta }: GenerateOptions = {}): AsyncGenerator<Generation> {
    const all: ScriptRequest[] = [];
    for await (const request of requests) all.push({ ...request, text: promptText(request.prompt) });
    this.asked.push(...all);
    for (const request of all.toReversed()) {
      const { text, finishReason, ...rest } = scriptAnswer(this.#script, request);
      onDelta?.(request.key, text);
      yield {
        key: request.key,
        text,
        finishReason,
        ...rest,
        promptTokens: request.text.length,
        completionTokens: text.length,
      };
    }
  }

  async close(): Promise<void> {}
}

/** The number of times that each element occurs. */
export function tally(values: readonly (string | number)[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
