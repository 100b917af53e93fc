import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeCheckpoint } from '../engine/llama/checkpoint.ts';
import { tinyParameters } from '../engine/llama/tiny.contract.ts';
import { judge, writePlans } from '../judging/judge.ts';
import { rate } from '../judging/rate.ts';
import { type GenerateRequest, type Generation, type Model, type Prompt, userPrompt } from '../model.ts';
import { CONTROL, ordinaryTokenizer } from './local/ordinary.contract.ts';
import { modelContract } from './model.contract.ts';
import { openEmbedded } from './open-embedded.ts';

/** An ordinary checkpoint: random weights, a byte-level vocabulary with merges, a chat template. */

const TEMPLATE =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

const folders: string[] = [];
async function checkpoint(template: string | null = TEMPLATE): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'ordinary-'));
  folders.push(dir);
  const { vocabSize, json } = ordinaryTokenizer();
  const eos = CONTROL.indexOf('<|im_end|>');
  const config = { vocabSize, maxPositionEmbeddings: 8192, eosTokenIds: [eos] };
  const extraFiles = {
    'tokenizer.json': JSON.stringify(json),
    'tokenizer_config.json': JSON.stringify({ bos_token: '<s>', eos_token: '<|im_end|>' }),
    ...(template === null ? {} : { 'chat_template.jinja': template }),
  };
  await writeCheckpoint(join(dir, 'model'), tinyParameters(config), { extraFiles });
  return join(dir, 'model');
}
afterAll(() => Promise.all(folders.map((dir) => rm(dir, { recursive: true }))));

for (const template of [TEMPLATE, null]) {
  modelContract(`embedded, ${template === null ? 'without' : 'with'} a chat template,`, async () => {
    const model = await openEmbedded(await checkpoint(template));
    return {
      model,
      conversations: template !== null,
      prompt: (index) => `Is the answer to ${index} better?${' plan'.repeat(index % 8)}`,
      close: () => model.close(),
    };
  });
}

describe('an ordinary checkpoint', () => {
  let model: Model;
  let dir: string;
  beforeAll(async () => {
    dir = await checkpoint();
    model = await openEmbedded(dir);
  });
  afterAll(() => model.close());

  const request = (changes: Partial<GenerateRequest> = {}): GenerateRequest => ({
    key: 'k',
    prompt: userPrompt('Which answer is better?'),
    maxTokens: 40,
    temperature: 1,
    topP: 1,
    seed: 1,
    ...changes,
  });
  const one = async (changes: Partial<GenerateRequest>): Promise<Generation> => {
    for await (const generation of model.generate([request(changes)])) return generation;
    throw new Error('nothing came');
  };

  test('a text is the unstopped one, cut at the first stop, wherever that begins and ends', async () => {
    const cut = fc.record({
      from: fc.double({ min: 0, max: 1, noNaN: true }),
      length: fc.integer({ min: 1, max: 9 }),
    });
    const cases = fc.record({
      seed: fc.nat(1000),
      temperature: fc.constantFrom(0, 1),
      cuts: fc.array(cut, { minLength: 1, maxLength: 3 }),
      others: fc.array(fc.constantFrom('\u2603', ' never', 'é', '漢字', '[['), { maxLength: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ seed, temperature, cuts, others }) => {
        const whole = await one({ seed, temperature });
        const characters = [...whole.text];
        const stop = [
          ...others,
          ...cuts.flatMap(({ from, length }) => {
            const start = Math.floor(from * characters.length);
            return characters.slice(start, start + length).join('') || [];
          }),
        ];
        const found = await one({ seed, temperature, stop, logprobs: 1 });
        const ends = stop.map((text) => whole.text.indexOf(text)).filter((at) => at >= 0);
        const end = ends.length === 0 ? whole.text.length : Math.min(...ends);
        expect(found.text).toBe(whole.text.slice(0, end));
        expect(found.finishReason).toBe(ends.length === 0 ? whole.finishReason : 'stop');
        expect(found.completionTokens).toBeLessThanOrEqual(whole.completionTokens);
        const named = (found.logprobs ?? [])
          .map(({ token }) => token)
          .filter((token) => !CONTROL.includes(token));
        // A stop inside a token leaves its beginning; bytes of a character are named one by one.
        if (!named.some((token) => token.includes('\ufffd'))) {
          expect(named.join('').startsWith(found.text)).toBe(true);
          expect(named.slice(0, -1).join('').length).toBeLessThan(Math.max(1, found.text.length));
        }
      }),
      { numRuns: 60 },
    );
  });

  test('a stop costs the tokens up to its end, however far the engine went on', async () => {
    const whole = await one({ temperature: 0 });
    const stop = [...whole.text].slice(2, 5).join('');
    const counts = await Promise.all([1, 2, 3].map(() => one({ temperature: 0, stop: [stop] })));
    expect(new Set(counts.map(({ completionTokens }) => completionTokens)).size).toBe(1);
    expect(counts[0]?.completionTokens).toBeLessThan(whole.completionTokens);
  });

  test('an answer goes on from its beginning as from the same tokens of a prompt', async () => {
    const turns =
      "{% for m in messages %}{{ m.role + ': ' + m.content + '\n' }}{% endfor %}" +
      "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}";
    const [chat, raw] = await Promise.all(
      [turns, '{{ messages[0].content }}'].map(async (template) => openEmbedded(await checkpoint(template))),
    );
    const answer = async (of: Model | undefined, prompt: Prompt) => {
      for await (const { text, promptTokens } of (of as Model).generate([request({ prompt })]))
        return { text, promptTokens };
    };
    const prefill = 'Plan: follow the step [[';
    const found = await answer(chat, userPrompt('Which?', prefill));
    expect(found).toEqual(await answer(raw, userPrompt(`user: Which?\nassistant: ${prefill}`)));
    expect(found).not.toEqual(await answer(chat, userPrompt('Which?')));
    await Promise.all([chat?.close(), raw?.close()]);
  });

  test('another template is another model', async () => {
    await writeFile(join(dir, 'chat_template.jinja'), `${TEMPLATE} `);
    const other = await openEmbedded(dir);
    expect(other.revision).not.toBe(model.revision);
    await other.close();
  });

  test('judges by plans of its own with the published prompts, and writes and rates by them', async () => {
    const pair = { instruction: 'Say hello.', responses: ['hello', 'bye'] } as const;
    const options = { form: 'two-call', maxTokens: 20, maxPlanTokens: 20, temperature: 1 } as const;
    const judgment = await judge(model, pair, { ...options, plans: 2, votes: 2 });
    expect(judgment.usage.asked).toBeGreaterThan(1);
    await writePlans(model, 'Say hello.', options).catch((error: Error) =>
      expect(error.message).toMatch(/plan/),
    );
    const rating = await rate(
      model,
      { instruction: 'Say hello.', response: 'hello' },
      { maxTokens: 20, maxPlanTokens: 20 },
    );
    expect(rating.usage.asked).toBeGreaterThan(0);
  });
});
