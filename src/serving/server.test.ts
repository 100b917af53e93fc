import type OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Pool } from '../engine/parallel/pool.ts';
import { logProbabilities } from '../engine/training/trainer.ts';
import { type Started, started, until } from './started.contract.ts';

/** The contract with OpenAI's own client. */

let it: Started;
beforeAll(async () => {
  it = await started();
});
afterAll(() => it.close());

const prompt = 'Instruction: Name 5 animals. <answer>';
const warm = { model: 'm0', temperature: 1, top_p: 0.95, max_tokens: 40 };
type Completion = OpenAI.CompletionCreateParamsNonStreaming;

const complete = (more: Partial<Completion> = {}) =>
  it.client.completions.create({ ...warm, prompt, seed: 1, ...more });
const textOf = async (more: Partial<Completion> = {}) => (await complete(more)).choices[0]?.text;
const refused = (work: Promise<unknown>) =>
  work.then(
    () => expect.fail('it was accepted'),
    (error: unknown) => error as InstanceType<typeof OpenAI.APIError>,
  );

test('the model is listed and found', async () => {
  const listed = [];
  for await (const model of it.client.models.list()) listed.push(model.id);
  expect(listed).toEqual(['m0']);
  expect(await it.client.models.retrieve('m0')).toMatchObject({ id: 'm0', object: 'model' });
  expect(await refused(it.client.models.retrieve('other/model'))).toMatchObject({
    status: 404,
    code: 'model_not_found',
  });
});

describe('completions', () => {
  test('are those of OpenAI’s shape, with the usage counted once for each prompt', async () => {
    const found = await complete({ n: 3 });
    expect(found).toMatchObject({ object: 'text_completion', model: 'm0' });
    expect(found.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
    const { tokenizer } = it.checkpoint;
    const counts = found.choices.map(
      ({ text, finish_reason }) => tokenizer.encode(text).length + (finish_reason === 'stop' ? 1 : 0),
    );
    const [promptTokens, completionTokens] = [
      tokenizer.encode(prompt).length,
      counts.reduce((a, b) => a + b),
    ];
    expect(found.usage).toEqual({
      prompt_tokens: promptTokens,
      completion_tokens: completionTokens,
      total_tokens: promptTokens + completionTokens,
    });
  });

  test('take a text, texts, token ids and lists of them', async () => {
    const other = 'Instruction: Name 4 fruits. <answer>';
    const { tokenizer } = it.checkpoint;
    const ids = [prompt, other].map((text) => tokenizer.encode(text));
    const texts = (await complete({ prompt: [prompt, other], n: 2 })).choices;
    expect(texts.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect((await complete({ prompt: ids, n: 2 })).choices).toEqual(texts);
    expect((await complete({ prompt: ids[1]!, n: 2 })).choices.map(({ text }) => text)).toEqual(
      texts.slice(2).map(({ text }) => text),
    );
  });

  test('child i of a seed is what the seed + i gives, and greedy needs no seed', async () => {
    const { choices } = await complete({ n: 12, seed: 100 });
    expect(new Set(choices.map(({ text }) => text)).size).toBeGreaterThan(6);
    for (const i of [0, 5, 11]) expect(await textOf({ seed: 100 + i })).toBe(choices[i]?.text);
    const greedy = await complete({ temperature: 0, n: 2, seed: null });
    expect(greedy.choices[0]?.text).toBe(greedy.choices[1]?.text);
    const drawn = await Promise.all(Array.from({ length: 8 }, () => textOf({ seed: null })));
    expect(new Set(drawn).size).toBeGreaterThan(1);
  });

  test('a seed gives one text, alone and among fifty others', async () => {
    const alone = await textOf({ seed: 7 });
    const [found, ...others] = await Promise.all([
      textOf({ seed: 7 }),
      ...Array.from({ length: 50 }, (_, i) =>
        complete({ seed: 1000 + i, prompt: `Instruction: Name ${i} fruits. <answer>`, max_tokens: 5 + i }),
      ),
    ]);
    expect(found).toBe(alone);
    expect(others).toHaveLength(50);
  });

  test('end at max_tokens, 16 if none are given, or by themselves', async () => {
    const cut = await complete({ max_tokens: 2 });
    expect(cut.choices[0]?.finish_reason).toBe('length');
    expect(cut.usage?.completion_tokens).toBe(2);
    // Nearly uniform: an end is one token of 660.
    const long = { temperature: 1000, top_p: 1 };
    expect((await complete({ ...long, max_tokens: null })).usage?.completion_tokens).toBe(16);
    expect((await complete()).choices[0]?.finish_reason).toBe('stop');
    const none = await complete({ max_tokens: 0, echo: true });
    expect(none.choices).toMatchObject([{ text: prompt, finish_reason: 'length' }]);
  });

  test('stop before a text, over token borders, at the first of several', async () => {
    const text = (await textOf()) as string;
    const words = text.trim().split(' ');
    expect(words.length).toBeGreaterThan(2);
    // The end of one token and the beginning of the next.
    const border = `${words[1]?.at(-1)} ${words[2]?.[0]}`;
    for (const stop of [border, ['nowhere', border], [` ${words[2]}`, border, ` ${words[1]}`]]) {
      const found = await complete({ stop });
      const first = Math.min(
        ...[stop].flat().map((one) => (text.includes(one) ? text.indexOf(one) : text.length)),
      );
      expect(found.choices).toMatchObject([{ text: text.slice(0, first), finish_reason: 'stop' }]);
    }
    const missed = await complete({ stop: ['nowhere'] });
    expect(missed.choices).toMatchObject([{ text, finish_reason: 'stop' }]);
    // Not begun at the end: what may be the beginning of a stop is told after all.
    expect(await textOf({ stop: [`${text.slice(-3)}!`] })).toBe(text);
  });

  test('log-probabilities sum up to what the engine says of the sequence', async () => {
    const { choices } = await complete({ n: 4, logprobs: 2, seed: 3 });
    const { parameters, tokenizer } = it.checkpoint;
    const start = tokenizer.encode(prompt);
    const pool = new Pool();
    try {
      pool.load(parameters);
      const sequences = choices.map(({ text, finish_reason }) => ({
        ids: [
          ...start,
          ...tokenizer.encode(text),
          ...(finish_reason === 'stop' ? [parameters.config.eosTokenIds[0] as number] : []),
        ],
        start: start.length,
      }));
      const expected = await logProbabilities(pool, sequences, parameters.config);
      for (const [i, { logprobs, text, finish_reason }] of choices.entries()) {
        const sum = (logprobs?.token_logprobs ?? []).reduce((a, b) => a + b, 0);
        expect(Math.abs(sum - expected[i]!)).toBeLessThan(1e-4);
        const tokens = logprobs?.tokens?.slice(0, finish_reason === 'stop' ? -1 : undefined) ?? [];
        expect(tokens.join('')).toBe(text);
        expect(logprobs?.text_offset?.[1]).toBe(tokens[0]?.length);
        for (const [t, likeliest] of (logprobs?.top_logprobs ?? []).entries()) {
          expect(likeliest[logprobs?.tokens?.[t] ?? '']).toBe(logprobs?.token_logprobs?.[t]);
          expect(Object.keys(likeliest).length).toBeGreaterThanOrEqual(2);
          expect(Object.values(likeliest).every((value) => value <= 0)).toBe(true);
        }
      }
    } finally {
      await pool.close();
    }
  });

  test('are streamed as they are given at once, choice by choice, garbage included', async () => {
    // At such temperatures the model writes random bytes, most of them no characters.
    for (const more of [
      { n: 3, logprobs: 1 },
      { n: 2, temperature: 30, stop: 'a' },
      { echo: true },
      { prompt: [prompt, prompt] },
    ]) {
      const whole = await complete({ seed: 5, ...more });
      const stream = await it.client.completions.create({
        ...warm,
        prompt,
        seed: 5,
        ...more,
        stream: true,
        stream_options: { include_usage: true },
      });
      const texts = whole.choices.map(() => '');
      const logprobs: number[][] = whole.choices.map(() => []);
      const reasons: (string | null)[] = whole.choices.map(() => null);
      let usage: unknown;
      for await (const chunk of stream) {
        expect(usage).toBeUndefined();
        usage = chunk.usage ?? undefined;
        for (const { index, text, finish_reason, logprobs: more } of chunk.choices) {
          expect(reasons[index]).toBeNull();
          texts[index] += text;
          reasons[index] = finish_reason;
          logprobs[index]?.push(...(more?.token_logprobs ?? []));
        }
      }
      expect(texts).toEqual(whole.choices.map(({ text }) => text));
      expect(reasons).toEqual(whole.choices.map(({ finish_reason }) => finish_reason));
      expect(logprobs).toEqual(whole.choices.map(({ logprobs }) => logprobs?.token_logprobs ?? []));
      expect(usage).toEqual(whole.usage);
    }
  });
});

describe('chats', () => {
  const messages = [{ role: 'user' as const, content: prompt }];
  const ask = (more: Partial<OpenAI.ChatCompletionCreateParamsNonStreaming> = {}) =>
    it.client.chat.completions.create({ model: 'm0', messages, seed: 1, top_p: 0.95, ...more });

  test('of a checkpoint without a template are completions of their one message', async () => {
    const text = await textOf({ max_tokens: 200 });
    const found = await ask();
    expect(found).toMatchObject({
      object: 'chat.completion',
      choices: [
        { index: 0, message: { role: 'assistant', content: text }, logprobs: null, finish_reason: 'stop' },
      ],
    });
    const parts = [{ role: 'user' as const, content: [{ type: 'text' as const, text: prompt }] }];
    expect((await ask({ messages: parts })).choices).toEqual(found.choices);
    const begun = [...messages, { role: 'assistant' as const, content: ' cow,' }];
    const goesOn = { messages: begun, continue_final_message: true, max_tokens: 20 };
    expect((await ask(goesOn)).choices[0]?.message.content).toBe(
      await textOf({ prompt: `${prompt} cow,`, max_tokens: 20 }),
    );
    const system = await refused(ask({ messages: [{ role: 'system', content: 'Be brief.' }, ...messages] }));
    expect(system).toMatchObject({ status: 400, param: 'messages', code: 'no_chat_template' });
    expect(system.message).toContain('chat_template.jinja');
  });

  test('end at max_completion_tokens, or at the end of the context', async () => {
    expect((await ask({ max_completion_tokens: 2 })).choices[0]?.finish_reason).toBe('length');
    const endless = await ask({ temperature: 1000, max_completion_tokens: null });
    expect(endless.choices[0]?.finish_reason).toMatch(/stop|length/);
    expect(endless.usage?.total_tokens).toBeLessThanOrEqual(256);
  });

  test('give log-probabilities with the bytes of each token', async () => {
    const { logprobs, message } = (await ask({ logprobs: true, top_logprobs: 3 })).choices[0]!;
    const bytes = logprobs!.content!.slice(0, -1).flatMap(({ bytes }) => bytes ?? []);
    expect(new TextDecoder().decode(Uint8Array.from(bytes))).toBe(message.content);
    for (const { top_logprobs: top, logprob } of logprobs!.content!) {
      expect(top).toHaveLength(3);
      expect(top.map((one) => one.logprob)).toEqual(top.map((one) => one.logprob).sort((a, b) => b - a));
      expect(logprob).toBeLessThanOrEqual(top[0]!.logprob);
    }
    expect(await refused(ask({ top_logprobs: 3 }))).toMatchObject({ status: 400, param: 'top_logprobs' });
  });

  test('are streamed as the client’s own helper puts them together', async () => {
    const whole = await ask({ n: 2, logprobs: true });
    const runner = it.client.chat.completions.stream({
      model: 'm0',
      messages,
      seed: 1,
      top_p: 0.95,
      n: 2,
      logprobs: true,
      stream_options: { include_usage: true },
    });
    const final = await runner.finalChatCompletion();
    expect(final.choices.map(({ message }) => message.content)).toEqual(
      whole.choices.map(({ message }) => message.content),
    );
    expect(final.choices.map(({ logprobs }) => logprobs?.content)).toEqual(
      whole.choices.map(({ logprobs }) => logprobs?.content),
    );
    expect(final.usage).toEqual(whole.usage);
  });

  test('of a checkpoint with a template are its rendering', async () => {
    const template = `{% for m in messages %}{{ m.role }}: {{ m.content }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %} <answer>{% endif %}{% if messages[0].role == 'x' %}{{ raise_exception('no x') }}{% endif %}`;
    const other = await started({ files: { 'chat_template.jinja': template } });
    try {
      const chat = await other.client.chat.completions.create({
        model: 'm0',
        messages: [
          { role: 'system', content: 'Instruction' },
          { role: 'user', content: 'Name 5 animals.' },
        ],
        seed: 4,
        max_tokens: 20,
      });
      const rendered = 'system: Instruction</s>user: Name 5 animals.</s> <answer>';
      expect(chat.usage?.prompt_tokens).toBe(it.checkpoint.tokenizer.encode(rendered).length);
      expect(chat.choices[0]?.message.content).toBe(
        await textOf({ prompt: rendered, seed: 4, max_tokens: 20, top_p: 1 }),
      );
      const begun = {
        model: 'm0',
        messages: [
          { role: 'user' as const, content: 'Name 5 animals.' },
          { role: 'assistant' as const, content: 'cow, dog,' },
        ],
        seed: 4,
        max_tokens: 20,
        add_generation_prompt: false,
        continue_final_message: true,
      };
      const prompt = 'user: Name 5 animals.</s>assistant: cow, dog,';
      const goesOn = await other.client.chat.completions.create(begun);
      expect(goesOn.usage?.prompt_tokens).toBe(it.checkpoint.tokenizer.encode(prompt).length);
      expect(goesOn.choices[0]?.message.content).toBe(
        await textOf({ prompt, seed: 4, max_tokens: 20, top_p: 1 }),
      );
      for (const fault of [{ add_generation_prompt: true }, { messages: begun.messages.slice(0, 1) }])
        expect(await refused(other.client.chat.completions.create({ ...begun, ...fault }))).toMatchObject({
          status: 400,
          param: 'continue_final_message',
        });
      const bad = [{ role: 'x' as 'user', content: '' }];
      const error = await refused(other.client.chat.completions.create({ model: 'm0', messages: bad }));
      expect(error).toMatchObject({ status: 400, param: 'messages' });
      expect(error.message).toContain('no x');
    } finally {
      await other.close();
    }
  });
});

test('a client that goes away frees its slots at once', async () => {
  const { generator } = it;
  const long = { ...warm, temperature: 1000, max_tokens: 240, prompt };
  const controller = new AbortController();
  // Twice the slots: half of them wait.
  const stream = await it.client.completions.create(
    { ...long, n: 32, stream: true },
    { signal: controller.signal },
  );
  for await (const _ of stream) break;
  const whole = it.client.completions.create({ ...long, n: 32 }, { signal: controller.signal });
  await until(() => generator.running === 16 && generator.waiting > 0);
  controller.abort();
  await expect(whole).rejects.toThrow();
  await until(() => generator.running === 0);
  expect(await textOf()).toBeTypeOf('string');
});
