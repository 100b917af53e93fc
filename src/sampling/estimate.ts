import { Buffer } from 'node:buffer';
import { type GenerateRequest, promptText, type Requests } from '../model.ts';
import type { Estimate, Prices } from '../prices.ts';

export const NOTHING: Estimate = { requests: 0, promptTokens: 0, maxCompletionTokens: 0, cost: null };

/** An estimate, and one request more. */
export function withRequest(
  sum: Estimate,
  { prompt, maxTokens }: GenerateRequest,
  prices?: Prices,
): Estimate {
  const promptTokens = sum.promptTokens + Math.ceil(Buffer.byteLength(promptText(prompt)) / 4);
  const maxCompletionTokens = sum.maxCompletionTokens + maxTokens;
  const cost = prices ? (promptTokens * prices.prompt + maxCompletionTokens * prices.completion) / 1e6 : null;
  return { requests: sum.requests + 1, promptTokens, maxCompletionTokens, cost };
}

/** What requests may cost, without asking for one. */
export async function estimate(requests: Requests, prices?: Prices): Promise<Estimate> {
  let sum = NOTHING;
  for await (const request of requests) sum = withRequest(sum, request, prices);
  return sum;
}
