import { createHash } from 'node:crypto';
import { type GenerateRequest, type Generation, type Model, promptText } from '../model.ts';

/** What a script is asked: a request, and its prompt as one text. */
export interface ScriptRequest extends GenerateRequest {
  readonly text: string;
}

/** What a script answers: the text of a completion that ended by itself, or text, how it ended and its log-probabilities. */
export type Script = (request: ScriptRequest) => string | ScriptAnswer;

export type ScriptAnswer = Pick<Generation, 'text' | 'finishReason' | 'logprobs'>;

/** A model that says what a function tells it to: for tests, examples and dry runs. Everything else about it is real; its
 * tokens are words. `revision` names the script, since a function cannot be hashed by what it does. */
export function scripted(script: Script, revision = 'scripted'): Model {
  return {
    revision: createHash('sha256').update(revision).digest('hex').slice(0, 16),
    prefills: true,
    async *generate(requests, { signal, onDelta } = {}) {
      for await (const request of requests) {
        if (signal?.aborted) return;
        const asked = promptText(request.prompt);
        const { text, finishReason, ...rest } = scriptAnswer(script, { ...request, text: asked });
        onDelta?.(request.key, text);
        yield {
          key: request.key,
          text,
          finishReason,
          ...rest,
          promptTokens: words(asked),
          completionTokens: words(text),
        };
      }
    },
    async close() {},
  };
}

/** A script's answer up to the first stop, as a model's is. */
export function scriptAnswer(script: Script, request: ScriptRequest): ScriptAnswer {
  const answer = script(request);
  const whole = typeof answer === 'string' ? { text: answer, finishReason: 'stop' as const } : answer;
  const ends = (request.stop ?? []).map((stop) => whole.text.indexOf(stop)).filter((at) => at >= 0);
  if (ends.length === 0) return whole;
  const { finishReason } = whole;
  return {
    ...whole,
    text: whole.text.slice(0, Math.min(...ends)),
    finishReason: finishReason === 'length' ? 'stop' : finishReason,
  };
}

function words(text: string): number {
  return text.split(/\s+/).filter(Boolean).length;
}
