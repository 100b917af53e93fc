import type { FinishReason } from '../../model.ts';

/** How an answer ended, by its server's word. `interrupted`: the server gave up in the middle of it. */
export type Ending = Exclude<FinishReason, 'error'> | 'interrupted';

/** The words of servers, in lower case with underscores; docs/servers.md says whose they are. Behind gateways stand Cohere's
 * (https://docs.cohere.com/reference/generate), watsonx' (https://cloud.ibm.com/apidocs/watsonx-ai), Titan's
 * (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-text.html), Gemini's
 * (https://ai.google.dev/api/generate-content#FinishReason) and xAI's (https://docs.x.ai/docs/grpc-reference). A call of a tool ends an answer as
 * a stop does: what was said before it is whole. */
const WORDS: Readonly<Record<Ending, readonly string[]>> = {
  stop: [
    ...['stop', 'stopped', 'eos', 'eos_token', 'stop_sequence', 'end_turn', 'complete', 'completed'],
    ...[
      'tool_calls',
      'tool_call',
      'tool_use',
      'function_call',
      'malformed_function_call',
      'unexpected_tool_call',
      'too_many_tool_calls',
    ],
    ...['finish', 'finished', 'stop_criteria_met', 'endoftext', 'pause_turn'],
  ],
  length: [
    ...['length', 'max_tokens', 'max_output_tokens', 'max_new_tokens', 'max_length', 'model_length', 'limit'],
    ...['model_context_window_exceeded', 'context_length_exceeded', 'repetition'],
    ...['error_limit', 'token_limit', 'max_len', 'max_context'],
  ],
  refused: [
    ...['content_filter', 'content_filtered', 'refusal', 'safety', 'recitation', 'language', 'blocklist'],
    ...['prohibited_content', 'spii', 'guardrail_intervened', 'sensitive', 'error_toxic'],
    ...['image_safety', 'model_armor'],
  ],
  interrupted: [
    ...['abort', 'aborted', 'cancelled', 'canceled', 'error', 'interrupted', 'insufficient_system_resource'],
    ...['network_error', 'timeout', 'time_limit', 'user_cancel', 'not_finished'],
  ],
};

const ENDINGS: ReadonlyMap<string, Ending> = new Map(
  Object.entries(WORDS).flatMap(([ending, words]) => words.map((word) => [word, ending as Ending] as const)),
);

/** What a server's word says, in any case; undefined for one that is not known. Some write more behind a colon
 * (`content_filter: RECITATION`), or the name of an enumeration before it (`FinishReason.STOP`, `FINISH_REASON_STOP`, `REASON_STOP`). */
export function endingOf(word: string): Ending | undefined {
  const bare = word
    .trim()
    .toLowerCase()
    .replace(/[\s-]+/g, '_');
  const own = bare
    .replace(/:.*$/s, '')
    .replace(/^.*\./s, '')
    .replace(/^(finish_)?reason_/, '');
  return ENDINGS.get(bare) ?? ENDINGS.get(own);
}

/** What is left to tell an ending from: a completion that fills its tokens was cut. */
export function endingByLength(completionTokens: number, maxTokens: number): 'stop' | 'length' {
  return completionTokens >= maxTokens ? 'length' : 'stop';
}
