import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { openaiCompatible } from '../model/openai.ts';
import { PUBLISHED_PROMPTS } from '../prompts/set.ts';
import { conduct } from '../sampling/conduct.ts';
import { openStore } from '../store/ledger.ts';
import { pair } from './pair.contract.ts';
import { type ThoughtOptions, thoughtsOf } from './thoughts.ts';

/** What a server was asked; it answers by the seed of each completion, as vLLM does: s + i. */
async function thoughts(takesN: boolean) {
  const calls: { n: number; seed: number }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const { n = 1, seed, messages } = JSON.parse(Buffer.concat(chunks).toString());
      calls.push({ n, seed });
      const plan = !messages[0].content.includes('[The Start of');
      const choices = Array.from({ length: takesN ? n : 1 }, (_, index) => ({
        index,
        message: { content: plan ? `Plan ${seed + index}.` : `Seen ${seed + index}. [[A]]` },
        finish_reason: 'stop',
      }));
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ choices, usage: {} }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const model = openaiCompatible({ baseURL, model: 'm', revision: 'm' });
  const sampling = { temperature: 0.8, topP: 0.95, maxTokens: 64 };
  const options: ThoughtOptions = {
    ...{ round: 1, form: 'planned', prompts: PUBLISHED_PROMPTS, plans: 5, executions: 4, seed: 1 },
    ...{ plan: sampling, execution: sampling, model: 'm', planner: 'm' },
  };
  using store = openStore(':memory:', { config: {} });
  const texts: string[] = [];
  for await (const made of conduct([pair], (one) => thoughtsOf(one, options), { judge: model, store }))
    texts.push(...made.thoughts.map(({ plan, execution }) => `${plan} ${execution}`));
  await model.close();
  server.close();
  return { calls, texts };
}

test('plans of a pair are one call, and so are executions of a plan in one order; singly they are the same', async () => {
  const together = await thoughts(true);
  expect(together.calls.map(({ n }) => n).sort()).toEqual([...Array(10).fill(4), 5]);
  expect(new Set(together.texts).size).toBe(40);
  for (const { seed } of together.calls) expect(seed).toBeLessThan(2 ** 31);
  const singly = await thoughts(false);
  expect(singly.texts.toSorted()).toEqual(together.texts.toSorted());
});
