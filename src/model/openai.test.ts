import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { serve } from '../../bench/servers/openai.ts';
import { type GenerateRequest, type Generation, type Model, promptText, userPrompt } from '../model.ts';
import { requirePrefill } from '../sampling/prefill.ts';
import { modelContract } from './model.contract.ts';
import { type OpenAICompatibleOptions, openaiCompatible } from './openai.ts';
import { HangClock } from './remote/hang-clock.contract.ts';
import { requestBody } from './remote/openai-protocol.ts';
import { OPEN_TERMS } from './remote/terms.ts';

for (const options of [
  { api: 'chat' },
  { api: 'completions' },
  { prefill: 'continue_final_message' },
] as const) {
  modelContract(`openaiCompatible, ${JSON.stringify(options)},`, async () => {
    const server = await serve();
    const model = openaiCompatible({ baseURL: server.url, model: 'x', ...options });
    return {
      model,
      prompt: (index) => `prompt ${index}`,
      close: async () => {
        await model.close();
        await server.close();
      },
    };
  });
}

interface Asked {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: whatever was sent
  readonly body: any;
}
type Answer = (asked: Asked, response: ServerResponse, call: number) => unknown;

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A server that answers as a function says: an object is a body with status 200. */
async function answering(answer: Answer) {
  const asked: Asked[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const one = {
      url: String(request.url),
      headers: request.headers,
      body: JSON.parse(Buffer.concat(chunks).toString()),
    };
    asked.push(one);
    const said = await answer(one, response, asked.length - 1);
    if (said !== undefined) response.setHeader('content-type', 'application/json').end(JSON.stringify(said));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(async () => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  const open = (options: Partial<OpenAICompatibleOptions> = {}, clock?: HangClock) => {
    const model = openaiCompatible({ baseURL: url, model: 'x', retryDelay: 5, ...options }, clock);
    closing.push(() => model.close());
    return model;
  };
  return { url, asked, open };
}

const request = (changes: Partial<GenerateRequest> = {}): GenerateRequest => ({
  key: `key ${changes.seed ?? 7}`,
  prompt: userPrompt('say it'),
  maxTokens: 50,
  temperature: 0.7,
  topP: 0.9,
  seed: 7,
  ...changes,
});

async function all(model: Model, requests: readonly GenerateRequest[]): Promise<Generation[]> {
  const found: Generation[] = [];
  for await (const generation of model.generate(requests)) found.push(generation);
  return found.sort((a, b) => (a.key < b.key ? -1 : 1));
}
const one = async (model: Model, changes: Partial<GenerateRequest> = {}) =>
  (await all(model, [request(changes)]))[0] as Generation;

const chat = (choice: object, usage: object = { prompt_tokens: 10, completion_tokens: 4 }) => ({
  choices: [{ index: 0, finish_reason: 'stop', message: { content: 'yes' }, ...choice }],
  usage,
});
const fail = (response: ServerResponse, status: number, error: object) => {
  response.statusCode = status;
  return { error };
};

describe('what is sent', () => {
  test('every sampling parameter, and no key where there is none', async () => {
    const { asked, open } = await answering(() => chat({}));
    await one(open({ body: { top_k: -1 }, system: 'be brief' }), {
      temperature: 0,
      topP: 1,
      stop: ['\n'],
      logprobs: 5,
    });
    expect(asked[0]?.url).toBe('/v1/chat/completions');
    expect(asked[0]?.body).toEqual({
      model: 'x',
      messages: [
        { role: 'system', content: 'be brief' },
        { role: 'user', content: 'say it' },
      ],
      max_tokens: 50,
      temperature: 0,
      top_p: 1,
      seed: 7,
      stop: ['\n'],
      logprobs: true,
      top_logprobs: 5,
      top_k: -1,
    });
    expect(asked[0]?.headers.authorization).toBeUndefined();
  });

  test('the keys and headers of other services stay here', async () => {
    const { asked, open } = await answering(() => chat({}));
    for (const [name, value] of Object.entries({
      OPENAI_API_KEY: 'canary-1',
      OPENAI_ADMIN_KEY: 'canary-2',
      OPENAI_ORG_ID: 'canary-3',
      OPENAI_PROJECT_ID: 'canary-4',
      OPENAI_CUSTOM_HEADERS: 'x-secret: canary-5',
      OPENAI_BASE_URL: 'http://canary-6.invalid/v1',
    })) {
      vi.stubEnv(name, value);
    }
    closing.push(async () => vi.unstubAllEnvs());
    await one(open());
    expect(asked).toHaveLength(1);
    expect(JSON.stringify(asked)).not.toContain('canary');
  });
});

describe('what comes', () => {
  test('thoughts that are chunks of the content', async () => {
    const content = [
      { type: 'thinking', thinking: [{ type: 'text', text: 'hm' }] },
      { type: 'text', text: 'A' },
    ];
    const { open } = await answering(() => chat({ message: { content } }));
    expect(await one(open())).toMatchObject({ text: 'A', reasoning: 'hm' });
  });

  test('usage, cache, cost and the reasoning apart from the answer', async () => {
    const { open } = await answering(() =>
      chat(
        { message: { content: 'A', reasoning_content: 'hm' } },
        { prompt_tokens: 1000, completion_tokens: 200, prompt_tokens_details: { cached_tokens: 600 } },
      ),
    );
    const generation = await one(open({ prices: { prompt: 1, completion: 10, cached: 0.5 } }));
    expect(generation).toEqual({
      key: 'key 7',
      text: 'A',
      reasoning: 'hm',
      finishReason: 'stop',
      rawFinishReason: 'stop',
      promptTokens: 1000,
      cachedTokens: 600,
      completionTokens: 200,
      cost: (400 * 1 + 600 * 0.5 + 200 * 10) / 1e6,
    });
  });

  test.each([
    [{ finish_reason: 'length' }, 'length', 'yes'],
    [{ finish_reason: 'content_filter', message: { content: null } }, 'refused', ''],
    [{ message: { content: null, refusal: 'I will not' } }, 'refused', 'I will not'],
    [{ finish_reason: null }, 'stop', 'yes'],
    [
      {
        message: {
          content: [
            { type: 'text', text: 'in ' },
            { type: 'text', text: 'parts' },
          ],
        },
      },
      'stop',
      'in parts',
    ],
    [{ finish_reason: 'tool_calls' }, 'stop', 'yes'],
  ])('%j is %s', async (choice, finishReason, text) => {
    const { open } = await answering(() => chat(choice));
    expect(await one(open())).toMatchObject({ finishReason, text });
  });

  test('a completion without a reason that fills its tokens was cut', async () => {
    const { open } = await answering(() =>
      chat({ finish_reason: null }, { prompt_tokens: 1, completion_tokens: 50 }),
    );
    expect((await one(open())).finishReason).toBe('length');
  });

  test('a text that went on after a stop ends before it', async () => {
    const { open } = await answering(() =>
      chat({ message: { content: 'a STOP b' }, finish_reason: 'length' }),
    );
    expect(await one(open(), { stop: ['STOP'] })).toMatchObject({ text: 'a ', finishReason: 'stop' });
  });

  test('log-probabilities of both APIs', async () => {
    const expected = [
      {
        token: 'A',
        logprob: -0.25,
        top: [
          { token: 'A', logprob: -0.25 },
          { token: 'B', logprob: -1.5 },
        ],
      },
    ];
    const ofChat = await answering(() =>
      chat({
        logprobs: {
          content: [
            {
              token: 'A',
              logprob: -0.25,
              top_logprobs: [
                { token: 'A', logprob: -0.25 },
                { token: 'B', logprob: -1.5 },
              ],
            },
          ],
        },
      }),
    );
    expect((await one(ofChat.open(), { logprobs: 2 })).logprobs).toEqual(expected);
    const ofText = await answering(() => ({
      choices: [
        {
          text: 'A',
          finish_reason: 'stop',
          logprobs: { tokens: ['A'], token_logprobs: [-0.25], top_logprobs: [{ B: -1.5, A: -0.25 }] },
        },
      ],
    }));
    expect((await one(ofText.open({ api: 'completions' }), { logprobs: 2 })).logprobs).toEqual(expected);
    expect(ofText.asked[0]?.body).toMatchObject({ prompt: 'say it', logprobs: 2 });
  });

  test('messages are sent as they are, behind the system message of the model', async () => {
    const { asked, open } = await answering(() => ({
      choices: [{ message: { content: 'x' }, finish_reason: 'stop' }],
    }));
    const messages = [
      { role: 'user', content: 'Hi.' },
      { role: 'assistant', content: 'Hello.' },
      { role: 'user', content: 'A or B?' },
    ] as const;
    await one(open({ system: 'Be fair.' }), { prompt: { messages } });
    expect(asked[0]?.body.messages).toEqual([{ role: 'system', content: 'Be fair.' }, ...messages]);
  });

  const assistant = { role: 'assistant', content: 'Plan: [[' };
  test.each([
    ['continue_final_message', [assistant], { add_generation_prompt: false, continue_final_message: true }],
    ['prefix', [{ ...assistant, prefix: true }], {}],
    ['assistant', [assistant], {}],
  ] as const)('a beginning of the answer is sent as %s', async (prefill, last, fields) => {
    const { asked, open } = await answering(() => ({
      choices: [{ message: { content: 'A]]' }, finish_reason: 'stop' }],
    }));
    const model = open({ prefill });
    expect(model.prefills).toBe(true);
    const found = await one(model, { prompt: userPrompt('say it', 'Plan: [[') });
    expect(found.text).toBe('A]]');
    const { messages, add_generation_prompt, continue_final_message } = asked[0]?.body ?? {};
    expect(messages).toEqual([{ role: 'user', content: 'say it' }, ...last]);
    expect({ add_generation_prompt, continue_final_message }).toEqual(fields);
    expect(open({ prefill: 'none' }).revision).not.toBe(model.revision);
  });

  test('a server that repeats the beginning has answered with the rest', async () => {
    const { open } = await answering(({ body }) => ({
      choices: [{ message: { content: `${body.messages.at(-1).content}A]]` }, finish_reason: 'stop' }],
    }));
    const prompt = userPrompt('say it', 'Plan: [[');
    expect((await one(open({ prefill: 'prefix' }), { prompt })).text).toBe('A]]');
  });

  test('a seed, and log-probabilities, under the names that some addresses document', () => {
    const options = { model: 'x', api: 'chat', prefill: 'none', seedField: 'random_seed' } as const;
    const terms = { ...OPEN_TERMS, countedLogprobs: true };
    const body = requestBody(request({ logprobs: 5, seed: 2 ** 31 + 1 }), 1, options, terms);
    expect(body).toMatchObject({ random_seed: 1, logprobs: 5 });
    expect(body).not.toHaveProperty('seed');
    expect(body).not.toHaveProperty('top_logprobs');
  });

  test('no seed where the model is to have none, by the same name in the ledger', async () => {
    const { asked, open } = await answering(() => chat({}));
    await one(open({ seeds: false }));
    expect(asked[0]?.body).not.toHaveProperty('seed');
    expect(open({ seeds: false }).revision).toBe(open().revision);
  });

  test('without a form a beginning is an error before anything is sent; some addresses have theirs', async () => {
    const { asked, open } = await answering(() => ({}));
    const model = open();
    expect(model.prefills).toBe(false);
    const failing = one(model, { prompt: userPrompt('say it', '[[') });
    await expect(failing).rejects.toMatchObject({ code: 'usage' });
    expect(() => requirePrefill(model, 'a judge of given plans')).toThrow('a judge of given plans needs');
    expect(asked).toEqual([]);
    for (const [baseURL, prefills] of [
      ['https://api.deepseek.com/beta', true],
      ['https://api.deepseek.com/v1', false],
      ['https://api.mistral.ai/v1', true],
      ['https://api.mistral.ai.example/v1', false],
    ] as const)
      expect(open({ baseURL }).prefills).toBe(prefills);
    expect(open({ api: 'completions' }).prefills).toBe(true);
    expect(() => requirePrefill(open({ api: 'completions' }), 'it')).not.toThrow();
  });

  test('no response brings a control token of a chat template to a chat; a completion is what it is', async () => {
    const { asked, open } = await answering(({ url }) => ({
      choices: [
        { ...(/chat/.test(url) ? { message: { content: 'x' } } : { text: 'x' }), finish_reason: 'stop' },
      ],
    }));
    const tokens = [
      '<|im_end|>',
      '[/INST]',
      '<start_of_turn>',
      '<|eot_id|>',
      '<｜User｜>',
      '<|end|>',
      '</s>',
    ];
    const prompt = userPrompt(`so ${tokens.join(' ')}`, `then ${tokens.join('')}`);
    await one(open({ prefill: 'assistant' }), { prompt });
    const sent = JSON.stringify(asked[0]?.body);
    for (const token of tokens) expect(sent).not.toContain(token);
    expect(sent).toContain('<\u200b|im_end|>');
    await one(open({ api: 'completions' }), { prompt });
    expect(asked[1]?.body.prompt).toBe(promptText(prompt));
  });

  describe('followed while it is written', () => {
    const stream = (events: readonly (object | string)[]) => (_: Asked, response: ServerResponse) =>
      void response
        .setHeader('content-type', 'text/event-stream')
        .end(
          events.map((one) => `data: ${typeof one === 'string' ? one : JSON.stringify(one)}\n\n`).join(''),
        );
    const piece = (content: string | null, finish_reason: string | null = null, index = 0) => ({
      choices: [{ index, delta: { content }, finish_reason }],
    });
    const follow = async (model: Model, requests: readonly GenerateRequest[]) => {
      const told: string[][] = requests.map(() => []);
      const onDelta = (key: string, text: string) =>
        told[requests.findIndex((one) => one.key === key)]?.push(text);
      const found: Generation[] = [];
      for await (const one of model.generate(requests, { onDelta })) found.push(one);
      return { told, found };
    };
    const usage = { prompt_tokens: 3, completion_tokens: 4 };

    test('the events of a stream are the answer', async () => {
      const { asked, open } = await answering(
        stream([
          { choices: [{ index: 0, delta: { role: 'assistant', reasoning_content: 'hm' } }] },
          { choices: [{ index: 1, delta: { content: [{ type: 'thinking', thinking: [{ text: 'hu' }] }] } }] },
          piece('So '),
          piece('[[', null, 1),
          {
            choices: [
              { index: 0, delta: { content: '[[A' }, logprobs: { content: [{ token: 'A', logprob: -1 }] } },
            ],
          },
          piece(']] never told', 'stop'),
          piece('B]]', 'length', 1),
          { choices: [], usage },
          '[DONE]',
        ]),
      );
      const { told, found } = await follow(open(), [
        request({ seed: 7, stop: ['\u2603', ' never'] }),
        request({ seed: 8, stop: ['\u2603', ' never'] }),
      ]);
      expect(asked[0]?.body).toMatchObject({ n: 2, stream: true, stream_options: { include_usage: true } });
      expect(told).toEqual([
        // The space may be the beginning of a stop.
        ['So', 'So [[A', 'So [[A]]', 'So [[A]]'],
        ['[[', '[[B]]', '[[B]]'],
      ]);
      expect(found).toMatchObject([
        {
          text: 'So [[A]]',
          reasoning: 'hm',
          finishReason: 'stop',
          promptTokens: 3,
          logprobs: [{ token: 'A' }],
        },
        { text: '[[B]]', reasoning: 'hu', finishReason: 'length' },
      ]);
    });

    test('one that broke off, or holds an error, is asked for again', async () => {
      const answers = [
        stream([piece('So ')]),
        stream([piece('So '), { error: { message: 'overloaded' } }]),
        stream([piece('Well'), '{"cho']),
        stream([piece('Fine', 'stop'), '[DONE]']),
      ];
      const { open } = await answering((one, response, call) => answers[call]?.(one, response));
      const { told, found } = await follow(open(), [request()]);
      expect(found).toMatchObject([{ text: 'Fine', finishReason: 'stop' }]);
      expect(told[0]?.at(-1)).toBe('Fine');
    });

    test('a server that does not stream, or refuses to, is told of once', async () => {
      const { asked, open } = await answering(({ body }, response) =>
        body.stream
          ? fail(response, 400, { message: 'stream is not supported' })
          : { choices: [{ message: { content: 'x' }, finish_reason: 'stop' }] },
      );
      const whole = await answering(() => ({
        choices: [{ message: { content: 'x' }, finish_reason: 'stop' }],
      }));
      for (const model of [open(), whole.open()])
        expect(await follow(model, [request()])).toMatchObject({ told: [['x']], found: [{ text: 'x' }] });
      expect(asked.map(({ body }) => body.stream)).toEqual([true, undefined]);
    });

    test('a key that a server repeats is told nobody', async () => {
      const { open } = await answering(
        stream([piece('my key is a-secret-key'), piece('!', 'stop'), '[DONE]']),
      );
      vi.stubEnv('STREAM_KEY', 'a-secret-key');
      const { told, found } = await follow(open({ apiKeyEnv: 'STREAM_KEY' }), [request()]);
      expect(JSON.stringify([told, found])).not.toContain('a-secret-key');
    });
  });

  test('a filter that answers 400 is a refusal, not an error', async () => {
    const { asked, open } = await answering((_, response) =>
      fail(response, 400, { code: 'content_filter', message: 'the prompt was filtered' }),
    );
    expect((await one(open())).finishReason).toBe('refused');
    expect(asked).toHaveLength(1);
  });

  test.each([
    [
      'half of its JSON',
      (response: ServerResponse) => void response.setHeader('content-type', 'application/json').end('{"choi'),
    ],
    [
      'a page',
      (response: ServerResponse) => void response.setHeader('content-type', 'text/html').end('<html>'),
    ],
    ['no choices', () => ({ choices: [] })],
    ['an error as a success', () => ({ error: { message: 'overloaded' } })],
    ['null', () => null],
    ['a number', () => 7],
    ['strange choices', () => ({ choices: [null] })],
    ['no body', (response: ServerResponse) => void response.writeHead(204).end()],
    ['a cut connection', (response: ServerResponse) => void response.destroy()],
    ['500', (response: ServerResponse) => fail(response, 500, { message: 'oops' })],
  ])('%s is tried again', async (_, broken) => {
    const { asked, open } = await answering((_, response, call) =>
      call === 0 ? broken(response) : chat({}),
    );
    expect((await one(open())).text).toBe('yes');
    expect(asked).toHaveLength(2);
  });

  test('one that fails every time is an error that may pass', async () => {
    const { asked, open } = await answering((_, response) => fail(response, 500, { message: 'oops' }));
    const generation = await one(open({ attempts: 2 }));
    expect(generation.finishReason).toBe('error');
    expect(generation).not.toHaveProperty('permanent');
    expect(asked).toHaveLength(2);
  });

  test('an answer that stops in the middle ends by the time-out, and comes the second time', async () => {
    const timeout = 20_000;
    const clock = new HangClock(timeout);
    const { asked, open } = await answering((_, response, call) => {
      if (call > 0) return chat({});
      response.writeHead(200, { 'content-type': 'application/json' }).write('{"choices": [');
      clock.hangs();
      return undefined;
    });
    expect((await one(open({ timeout }, clock))).text).toBe('yes');
    expect(asked).toHaveLength(2);
  });
});

describe('n', () => {
  const requests = (count: number) => Array.from({ length: count }, (_, i) => request({ seed: 100 + i }));
  const choices = (count: number) => ({
    choices: Array.from({ length: count }, (_, i) => ({
      index: i,
      finish_reason: 'stop',
      message: { content: `${i}` },
    })).reverse(),
    usage: { prompt_tokens: 10, completion_tokens: 4 * count },
  });

  test('requests with following seeds are one call; the prompt is paid once', async () => {
    const { asked, open } = await answering(({ body }) => choices(body.n ?? 1));
    const found = await all(open({ prices: { prompt: 1e6, completion: 1e6 } }), requests(5));
    expect(asked.map(({ body }) => [body.n, body.seed])).toEqual([[5, 100]]);
    expect(found.map(({ key, text, cost }) => [key, text, cost])).toEqual(
      [0, 1, 2, 3, 4].map((i) => [`key ${100 + i}`, `${i}`, i === 0 ? 14 : 4]),
    );
  });

  test('a server that ignores n is asked for each, and not for n again', async () => {
    const { asked, open } = await answering(() => choices(1));
    const model = open({ maxConcurrency: 1 });
    expect(await all(model, requests(5))).toHaveLength(5);
    expect(asked.map(({ body }) => [body.n, body.seed])).toEqual([
      [5, 100],
      ...[101, 102, 103, 104].map((seed) => [undefined, seed]),
    ]);
    await all(model, requests(3));
    expect(asked.slice(5).every(({ body }) => body.n === undefined)).toBe(true);
  });

  test('a server that refuses several in words of its own is asked for each', async () => {
    const { asked, open } = await answering(({ body }, response) =>
      (body.n ?? 1) > 2 ? fail(response, 400, { message: 'at most two at a time' }) : choices(1),
    );
    const model = open({ maxConcurrency: 1 });
    expect(await all(model, requests(4))).toHaveLength(4);
    expect(asked.map(({ body }) => [body.n, body.seed])).toEqual([
      [4, 100],
      ...[100, 101, 102, 103].map((seed) => [undefined, seed]),
    ]);
  });

  test('of a greedy request is not asked for: vLLM refuses it, and would be asked one by one from then on', async () => {
    const { asked, open } = await answering(({ body }) => choices(body.n ?? 1));
    const model = open();
    const greedy = requests(3).map((one) => ({ ...one, temperature: 0 }));
    expect(await all(model, greedy)).toHaveLength(3);
    expect(asked.splice(0).map(({ body }) => body.n)).toEqual([undefined, undefined, undefined]);
    await all(model, requests(3));
    expect(asked.map(({ body }) => body.n)).toEqual([3]);
  });

  test('what came before a failure is not asked for again', async () => {
    const { asked, open } = await answering((_, response, call) =>
      call === 1 ? fail(response, 500, {}) : choices(1),
    );
    expect(await all(open(), requests(3))).toHaveLength(3);
    expect(asked.map(({ body }) => body.seed)).toEqual([100, 101, 101, 102]);
  });
});

describe('what was paid', () => {
  const usage = { prompt_tokens: 100, completion_tokens: 10 };
  const cut = (word: string) => ({ choices: [{ finish_reason: word, message: { content: 'half' } }], usage });
  /** A prompt of six bytes, and what one call is set aside for. */
  const MOST = 6 + 64 + 50;

  test.each<[string, unknown[], number, string]>([
    ['an answer that ends by a tool', [cut('tool_calls')], 110, 'stop'],
    ['one that ends by a word of tomorrow', [cut('enlightened')], 110, 'stop'],
    ['one that broke off, and the next', [cut('abort'), chat({}, usage)], 220, 'stop'],
    ['an error inside, for good', [{ error: { code: 400, message: 'bad' }, usage }], 110, 'error'],
    [
      'an error inside, waited for',
      [{ choices: null, error: { code: 429 }, usage }, chat({}, usage)],
      220,
      'stop',
    ],
    ['no choices, and the next', [{ choices: null, usage }, chat({}, usage)], 220, 'stop'],
    ['thoughts in the total alone', [chat({}, { ...usage, total_tokens: 150 })], 150, 'stop'],
    [
      'more choices than were asked for',
      [{ choices: [...cut('stop').choices, ...cut('stop').choices], usage }],
      110,
      'stop',
    ],
    ['an answer without usage', [{ choices: cut('stop').choices }], MOST, 'stop'],
    ['half an answer, and the next', ['{"choi', chat({}, usage)], MOST + 110, 'stop'],
  ])('counts for the budget: %s', async (_, answers, tokens, finishReason) => {
    const { open } = await answering((_, response, call) =>
      typeof answers[call] === 'string' ? void response.end(answers[call]) : answers[call],
    );
    // A second request finds all but one token of its share gone.
    const model = open({ maxTotalTokens: tokens + MOST - 1 });
    expect((await one(model)).finishReason).toBe(finishReason);
    await expect(one(model)).rejects.toMatchObject({
      message: expect.stringContaining(`and ${tokens} tokens`),
    });
  });

  test('counts in the ledger too: of whole choices beside one that broke off, and of a failure', async () => {
    const prices = { prompt: 1e6, completion: 1e6 };
    const choices = ['stop', 'abort'].map((word, index) => ({ ...cut(word).choices[0], index }));
    const { asked, open } = await answering((_, __, call) =>
      call === 0 ? { choices, usage } : chat({}, usage),
    );
    const found = await all(open({ prices }), [request({ seed: 1 }), request({ seed: 2 })]);
    expect(found.map(({ text, cost }) => [text, cost])).toEqual([
      ['half', 110],
      ['yes', 110],
    ]);
    expect(asked.map(({ body }) => [body.n, body.seed])).toEqual([
      [2, 1],
      [undefined, 2],
    ]);
    const bad = await answering(() => ({ error: { code: 400, message: 'bad' }, usage }));
    expect(await one(bad.open({ prices }))).toMatchObject({ finishReason: 'error', cost: 110 });
  });

  test('is not known where the server does not say, which is told', async () => {
    const notices: string[] = [];
    const { open } = await answering(() => ({ choices: cut('stop').choices }));
    const prices = { prompt: 1, completion: 1 };
    const found = await one(open({ prices, notice: (message) => notices.push(message) }));
    expect(found).not.toHaveProperty('cost');
    expect(notices).toEqual([expect.stringContaining('does not say what it used')]);
  });
});

describe('one text', () => {
  test('is sent, and comes: without half a surrogate pair or NUL', async () => {
    const { asked, open } = await answering(
      (_, response) =>
        void response.end(
          '{"choices": [{"finish_reason": "stop", "message": {"content": "\\ud83d \\u0000 \\ud83d\\ude00"}}]}',
        ),
    );
    const prompt = userPrompt('a\ud83d b\0 \ud83d\ude00', 'c\udc00');
    const found = await one(open({ api: 'chat', prefill: 'assistant' }), { prompt });
    expect(found.text).toBe('\uFFFD \uFFFD 😀');
    const contents = asked[0]?.body.messages.map(({ content }: { content: string }) => content);
    expect(contents).toEqual(['a\uFFFD b\uFFFD 😀', 'c\uFFFD']);
  });
});

describe('parameters that a server refuses', () => {
  test('are left out or renamed, once and for all', async () => {
    const notices: string[] = [];
    const { asked, open } = await answering(({ body }, response) => {
      if ('max_tokens' in body) {
        return fail(response, 400, {
          message:
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
          param: 'max_tokens',
        });
      }
      if ('seed' in body) return fail(response, 400, { message: "Unknown parameter: 'seed'." });
      return chat({});
    });
    const model = open({ notice: (message) => notices.push(message), breaker: 1 });
    expect((await one(model)).text).toBe('yes');
    expect(asked).toHaveLength(3);
    await one(model);
    expect(asked).toHaveLength(4);
    expect(asked[3]?.body).toMatchObject({ max_completion_tokens: 50, top_p: 0.9, temperature: 0.7 });
    expect(notices).toEqual([
      expect.stringContaining('takes max_completion_tokens in place of max_tokens'),
      expect.stringContaining('takes no seed'),
    ]);
  });

  test('a change that did not help is neither kept nor told', async () => {
    const notices: string[] = [];
    const { asked, open } = await answering(({ body }, response) =>
      asked.length < 3
        ? fail(response, 400, { message: `no seed 7 here, nor anything; n ${body.n}` })
        : chat({}),
    );
    const model = open({ notice: (message) => notices.push(message) });
    expect((await one(model)).finishReason).toBe('error');
    expect(asked.map(({ body }) => 'seed' in body)).toEqual([true, false]);
    await one(model);
    expect(asked.map(({ body }) => 'seed' in body)).toEqual([true, false, true]);
    expect(notices).toEqual([]);
  });

  test.each<[Partial<OpenAICompatibleOptions>, number]>([
    [{ api: 'completions' }, 1],
    [{ body: { max_tokens: 9 } }, 2],
  ])('with %j one that cannot be left out is not asked again without end', async (options, calls) => {
    const notices: string[] = [];
    const { asked, open } = await answering((_, response) =>
      fail(response, 400, { message: "Unsupported parameter: 'max_tokens'", param: 'max_tokens' }),
    );
    expect(await one(open({ ...options, notice: (message) => notices.push(message) }))).toMatchObject({
      finishReason: 'error',
      error: expect.stringContaining('max_tokens'),
    });
    expect(asked).toHaveLength(calls);
    expect(notices).toEqual([]);
  });

  test('a 400 about anything else is an error of that request', async () => {
    const { asked, open } = await answering((_, response) =>
      fail(response, 400, { message: 'This model has a maximum context length of 4096 tokens' }),
    );
    expect(await one(open())).toMatchObject({
      finishReason: 'error',
      error: expect.stringContaining('maximum context'),
      permanent: true,
    });
    expect(asked).toHaveLength(1);
  });
});

describe('errors', () => {
  test.each([
    ['no choices', null],
    ['an empty choice', [{ index: 0, message: { role: 'assistant', content: null }, finish_reason: 'stop' }]],
  ])('an error of status 200 beside %s is what its code says', async (_, choices) => {
    const inside = (code: unknown, message = 'Provider returned error') => ({
      choices,
      error: { code, message },
    });
    const { asked, open } = await answering(
      (_, __, call) => [inside(429), inside(503), inside(null), inside('x'), chat({})][call],
    );
    expect((await one(open())).finishReason).toBe('stop');
    expect(asked).toHaveLength(5);
    const bad = await answering(() => inside(400, 'too long'));
    expect(await one(bad.open())).toMatchObject({
      finishReason: 'error',
      permanent: true,
      error: 'an error with status 200: 400 too long',
    });
    const flagged = await answering(() => inside(403, 'your input was flagged for "violence"'));
    expect(await one(flagged.open())).toMatchObject({ finishReason: 'refused' });
    const poor = await answering(() => inside(402, 'Insufficient credits'));
    await expect(one(poor.open())).rejects.toMatchObject({
      message: expect.stringMatching(/cannot be used: .*402 Insufficient credits/),
      remedy: expect.stringContaining('add credit'),
    });
  });

  test('a 403 is of one request only where that was flagged', async () => {
    const flagged = { code: 403, message: 'your input was flagged for "violence". No credits were charged.' };
    const { open } = await answering((_, response) => fail(response, 403, flagged));
    expect(await one(open())).toMatchObject({ finishReason: 'refused' });
    const denied = await answering((_, response) => fail(response, 403, { message: 'no access' }));
    await expect(one(denied.open())).rejects.toMatchObject({ remedy: expect.stringContaining('may use') });
  });

  test('a wrong key stops everything and says what to do', async () => {
    const { asked, open } = await answering((_, response) => fail(response, 401, { message: 'bad key' }));
    const requests = Array.from({ length: 1000 }, (_, i) => request({ seed: i * 2 }));
    await expect(all(open({ maxConcurrency: 4 }), requests)).rejects.toMatchObject({
      code: 'model',
      message: expect.stringContaining('bad key'),
      remedy: expect.stringContaining('key'),
    });
    expect(asked.length).toBeLessThan(20);
  });

  test('a place where nobody listens stops soon', async () => {
    const model = openaiCompatible({ baseURL: 'http://127.0.0.1:9/v1', model: 'x', connectPatience: 200 });
    await expect(one(model)).rejects.toMatchObject({
      code: 'model',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('a redirect is not followed: the key is for one host', async () => {
    const elsewhere = await answering(() => chat({}));
    const { open } = await answering((_, response) => {
      response.writeHead(307, { location: `${elsewhere.url}/chat/completions` }).end();
    });
    await expect(one(open({ apiKey: 'canary-key-123' }))).rejects.toMatchObject({
      code: 'model',
      message: expect.stringContaining('cannot be used: 307'),
      remedy: expect.stringContaining('the address that it redirects to'),
    });
    expect(elsewhere.asked).toHaveLength(0);
  });

  test('a key that a server repeats goes nowhere', async () => {
    const apiKey = 'sk-canary-0123456789';
    const { asked, open } = await answering(({ headers }, response, call) => {
      const said = `you sent ${headers.authorization}`;
      return call === 0
        ? chat({ message: { content: said, reasoning: said } })
        : fail(response, 400, { message: said });
    });
    const model = open({ apiKey });
    const found = [await one(model), await one(model)];
    expect(asked[0]?.headers.authorization).toBe(`Bearer ${apiKey}`);
    expect(found[1]?.error).toContain('you sent');
    expect(JSON.stringify([found, model])).not.toContain('canary');
  });

  test('nor do keys in headers and in the query of an address, which is named without it', async () => {
    const notices: string[] = [];
    const { url, open } = await answering(({ url, headers, body }, response, call) => {
      const said = `you sent ${url} ${JSON.stringify(headers)}`;
      if (call === 0) return chat({ message: { content: said } });
      const param = 'seed' in body && call < 3 ? 'seed' : null;
      if (call === 2) return chat({ message: { content: said } });
      return fail(response, 400, { message: said, param });
    });
    const model = open({
      baseURL: `${url}?code=canary-0123%2F4567&api-version=2024-10-21`,
      headers: {
        'api-key': 'canary-4567',
        'X-Auth': 'Bearer canary-89ab',
        'x-tenant': 'canary-cdef-0123456789',
        'x-team': 'research',
        cookie: 'short',
      },
      notice: (message) => notices.push(message),
    });
    const found = [await one(model), await one(model), await one(model)];
    const told = JSON.stringify([found, notices]);
    expect(found[0]?.text).toContain('research');
    expect(found[2]?.error).toContain(`${url}: 400`);
    expect(notices).toEqual([expect.stringContaining(`${url} takes no seed`)]);
    expect(told).not.toContain('canary');
  });

  test.each(['ftp://x', 'nowhere', 'http://user:secret@host/v1'])('%s is no address', (baseURL) => {
    expect(() => openaiCompatible({ baseURL, model: 'x' })).toThrow(
      expect.objectContaining({ code: 'usage' }),
    );
    expect(() => openaiCompatible({ baseURL, model: 'x' })).not.toThrow('secret');
  });
});

describe('a revision', () => {
  test('tells apart whatever decides an answer, and nothing else', () => {
    const base = { baseURL: 'http://a/v1', model: 'x' };
    const revisions = [
      base,
      { ...base, model: 'y' },
      { ...base, baseURL: 'http://b/v1' },
      { ...base, api: 'completions' as const },
      { ...base, system: 's' },
      { ...base, body: { top_k: 1 } },
      { ...base, revision: 'step-90' },
    ].map((options) => openaiCompatible(options).revision);
    expect(new Set(revisions).size).toBe(revisions.length);
    expect(openaiCompatible({ ...base, apiKey: 'other', timeout: 5, baseURL: 'http://a/v1/' }).revision).toBe(
      revisions[0],
    );
  });
});
