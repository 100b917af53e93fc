import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type GenerateRequest, type Generation, type Model, userPrompt } from '../model.ts';
import { type Started, started } from '../serving/started.contract.ts';
import { modelContract } from './model.contract.ts';
import { openEmbedded } from './open-embedded.ts';
import { openaiCompatible } from './openai.ts';

/** The client against a real server of ours on the seed model, beside the same model in this process. */

const prompt = (index: number) => `Instruction: Name ${2 + (index % 7)} birds. <answer>`;

modelContract('openaiCompatible, our own server,', async () => {
  const it = await started();
  const model = openaiCompatible({ baseURL: `${it.server.url}/v1`, model: 'm0', api: 'completions' });
  return {
    model,
    prompt,
    close: async () => {
      await model.close();
      await it.close();
    },
  };
});

describe('a served model', () => {
  let it: Started;
  let served: Model;
  let embedded: Model;
  beforeAll(async () => {
    it = await started({ apiKey: 'a-key-of-its-own' });
    served = openaiCompatible({
      baseURL: `${it.server.url}/v1`,
      model: 'm0',
      api: 'completions',
      apiKey: 'a-key-of-its-own',
    });
    embedded = await openEmbedded('seed/model');
  });
  afterAll(async () => {
    await served.close();
    await embedded.close();
    await it.close();
  });

  const requests = (more: Partial<GenerateRequest> = {}) =>
    Array.from({ length: 24 }, (_, i): GenerateRequest => {
      const seed = i < 12 ? 500 + i : 31 * i;
      return {
        key: `unit ${i}`,
        prompt: userPrompt(prompt(i < 12 ? 0 : i)),
        maxTokens: 20,
        temperature: 1,
        topP: 0.9,
        seed,
        ...more,
      };
    });
  const texts = async (model: Model, asked: readonly GenerateRequest[]) => {
    const found: Record<string, Pick<Generation, 'text' | 'finishReason'>> = {};
    for await (const { key, text, finishReason } of model.generate(asked))
      found[key] = { text, finishReason };
    return found;
  };

  test('writes what it writes in this process, also where seeds that follow each other became one call', async () => {
    expect(await texts(served, requests())).toEqual(await texts(embedded, requests()));
  });

  test('goes on from a beginning as in this process, by chats and by completions', async () => {
    const chats = openaiCompatible({
      baseURL: `${it.server.url}/v1`,
      model: 'm0',
      prefill: 'continue_final_message',
      apiKey: 'a-key-of-its-own',
    });
    const begun = requests({ prompt: userPrompt(prompt(3), ' crow, '), stop: [','] });
    const here = await texts(embedded, begun);
    expect(await texts(chats, begun)).toEqual(here);
    expect(await texts(served, begun)).toEqual(here);
    expect(here).not.toEqual(await texts(embedded, requests({ prompt: userPrompt(prompt(3)), stop: [','] })));
    await chats.close();
  });

  test('tells the same texts while they are written', async () => {
    const told = new Map<string, string[]>();
    const onDelta = (key: string, text: string) => told.set(key, [...(told.get(key) ?? []), text]);
    const found: Record<string, object> = {};
    for await (const { key, text, finishReason } of served.generate(requests(), { onDelta }))
      found[key] = { text, finishReason };
    expect(found).toEqual(await texts(embedded, requests()));
    expect(Math.max(...[...told.values()].map(({ length }) => length))).toBeGreaterThan(3);
  });

  test('tells log-probabilities of every token', async () => {
    // The server counts the tokens of a call, not of each of its texts.
    let [told, counted] = [0, 0];
    for await (const { logprobs, completionTokens } of served.generate(
      requests({ logprobs: 3 }).slice(0, 2),
    )) {
      expect(logprobs?.length).toBeGreaterThan(0);
      told += logprobs?.length ?? 0;
      counted += completionTokens;
      for (const { logprob, top } of logprobs ?? []) {
        expect(logprob).toBeLessThanOrEqual(0);
        // The sampled token is told too where it is none of the three best.
        expect([3, 4]).toContain(top.length);
      }
    }
    expect(told).toBeLessThanOrEqual(counted);
  });

  test('the same ones as in this process', async () => {
    const told = async (model: Model) => {
      const found: Record<string, readonly number[]> = {};
      for await (const { key, logprobs = [] } of model.generate(requests({ logprobs: 3 })))
        found[key] = logprobs.map(({ logprob }) => logprob);
      return found;
    };
    const [here, there] = [await told(embedded), await told(served)];
    expect(Object.keys(there)).toHaveLength(24);
    // The server tells of the sign that ends a text too.
    for (const [key, values] of Object.entries(here))
      for (const [i, value] of values.entries()) expect(there[key]?.[i]).toBeCloseTo(value, 4);
  });
});
