import { expect, test } from 'vitest';
import { initialise, Parameters } from '../engine/llama/parameters.ts';
import { Pool } from '../engine/parallel/pool.ts';
import { type Generation, userPrompt } from '../model.ts';
import { EOS_ID, PAD_ID, tokenizerConfig, tokenizerJson, VOCAB } from '../playground/tokenizer.ts';
import { random } from '../random.ts';
import { EmbeddedModel, sampledRevision } from './embedded.ts';
import { tokenizer } from './local/tokenizer.ts';
import { modelContract } from './model.contract.ts';

function tiny(pool: Pool, files: Readonly<Record<string, string>> = {}): EmbeddedModel {
  const parameters = new Parameters({
    vocabSize: VOCAB.length,
    hiddenSize: 64,
    intermediateSize: 96,
    numHiddenLayers: 2,
    numAttentionHeads: 4,
    numKeyValueHeads: 2,
    headDim: 16,
    maxPositionEmbeddings: 128,
    rmsNormEps: 1e-5,
    ropeTheta: 10_000,
    tieWordEmbeddings: true,
    bosTokenId: 1,
    eosTokenIds: [EOS_ID],
    padTokenId: PAD_ID,
  });
  initialise(parameters, random(1));
  return new EmbeddedModel(pool, parameters, tokenizer(tokenizerJson(), tokenizerConfig()), files);
}

modelContract('embedded', async () => {
  const pool = new Pool();
  return {
    model: tiny(pool),
    conversations: false,
    // Lengths differ, so that sequences of a batch do.
    prompt: (index) => `Instruction: Name ${index % 99} words${' birds'.repeat(index % 8)}. <answer>`,
    close: () => pool.close(),
  };
});

test('a prompt that is too long, or empty, is an error of its own, of which nothing is read: the others are answered', async () => {
  const pool = new Pool();
  const request = (key: string, prompt: string) => ({
    key,
    prompt: userPrompt(prompt),
    maxTokens: 4,
    temperature: 0,
    topP: 1,
    seed: 1,
  });
  const found = new Map<string, Generation>();
  const prompts = [
    ' dog'.repeat(200),
    'Instruction: Name 2 words.',
    ' dog'.repeat(127),
    ' dog'.repeat(128),
    '',
  ];
  const requests = prompts.map((prompt, i) => request(`${i}`, prompt));
  for await (const generation of tiny(pool).generate(requests)) found.set(generation.key, generation);
  await pool.close();
  expect(found.get('0')).toMatchObject({ finishReason: 'error', text: '', promptTokens: 0, permanent: true });
  expect(found.get('0')?.error).toMatch(/200 tokens, and this model reads 128 with/);
  expect(found.get('1')?.completionTokens).toBeGreaterThan(0);
  // One token still fits.
  expect(found.get('2')).toMatchObject({ completionTokens: 1 });
  expect(found.get('3')?.finishReason).toBe('error');
  expect(found.get('4')).toMatchObject({ finishReason: 'error', promptTokens: 0 });
  expect(found.get('4')?.error).toMatch(/the prompt is empty/);
});

test('a ledger tells texts in 8 bits from those in 32, and too many weights are refused before anything is asked', async () => {
  const pools = [new Pool(), new Pool('cpu', 'int8')] as const;
  const [exact, rounded] = pools.map((pool) => tiny(pool).revision);
  expect(rounded).not.toBe(exact);
  const large = { config: {}, shapes: [], flat: { length: 3e9 } } as unknown as Parameters;
  expect(() => sampledRevision(pools[1], large)).toThrow(/3000000000 weights, and int8 takes 2000000000/);
  await Promise.all(pools.map((pool) => pool.close()));
});

test('a pool that is closed while it samples ends the generations, not the process', async () => {
  const pool = new Pool();
  const requests = Array.from({ length: 500 }, (_, i) => ({
    key: `unit ${i}`,
    prompt: userPrompt('Instruction: Name 2 words. <answer>'),
    maxTokens: 60,
    temperature: 1,
    topP: 1,
    seed: i,
  }));
  const keys: string[] = [];
  let closed: Promise<void> | undefined;
  for await (const { key } of tiny(pool).generate(requests)) {
    keys.push(key);
    closed ??= pool.close();
  }
  await closed;
  expect(keys.length).toBeLessThan(500);
});

test('log-probabilities are the model’s own, of the tokens that make the text', async () => {
  const pool = new Pool();
  const request = {
    key: 'k',
    prompt: userPrompt('Instruction: Name 2 words. <answer>'),
    maxTokens: 12,
    temperature: 0,
    topP: 1,
    seed: 1,
    logprobs: VOCAB.length,
  };
  const found: Generation[] = [];
  for await (const one of tiny(pool).generate([request, { ...request, key: 'l', temperature: 2 }]))
    found.push(one);
  await pool.close();
  for (const { key, text, logprobs = [] } of found) {
    // A special token is told of, and left out of the text.
    const shown = logprobs.map(({ token }) => token).filter((token) => !/^ ?<\/?s>$|^ ?<pad>$/.test(token));
    expect(shown.join('')).toBe(text);
    for (const { token, logprob, top } of logprobs) {
      expect(top.reduce((sum, other) => sum + Math.exp(other.logprob), 0)).toBeCloseTo(1, 5);
      expect(top.some((other) => other.token === token && other.logprob === logprob)).toBe(true);
      // Greedy takes the likeliest.
      if (key === 'k') expect(logprob).toBe(top[0]?.logprob);
    }
  }
});

test('what prompts of several turns begin with is computed once, and changes no text', async () => {
  const chat_template =
    '{% for m in messages %}{{ m.role }} {{ m.content }} {% endfor %}{% if add_generation_prompt %}assistant {% endif %}';
  const files = { 'tokenizer_config.json': JSON.stringify({ ...tokenizerConfig(), chat_template }) };
  const examples = [
    { role: 'user', content: `Name 2 birds.${' dog'.repeat(20)}` },
    { role: 'assistant', content: 'the robin' },
  ] as const;
  const request = (i: number) => ({
    key: `${i}`,
    prompt: {
      messages: [...examples, { role: 'user' as const, content: `Name ${1 + (i % 4)} words.` }],
      ...(i % 2 === 0 ? {} : { prefill: 'the answer is' }),
    },
    maxTokens: 8,
    temperature: 1,
    topP: 1,
    seed: i,
    // Spelled, so that the sequence is watched.
    stop: [' zebra zebra'],
  });
  const requests = Array.from({ length: 12 }, (_, i) => request(i));
  const ask = async (model: EmbeddedModel, some = requests) => {
    const found = new Map<string, Generation>();
    for await (const one of model.generate(some)) found.set(one.key, one);
    return some.map(({ key }) => found.get(key) as Generation);
  };
  const pool = new Pool();
  const model = tiny(pool, files);
  const first = await ask(model);
  let second = await ask(model);
  expect(second.map(({ text }) => text)).toEqual(first.map(({ text }) => text));
  // Each of two threads keeps what it computed, and one may have taken all so far.
  const anew = () => second.some(({ cachedTokens = 0 }) => cachedTokens === 0);
  for (let again = 0; anew() && again < 20; again++) second = await ask(model);
  for (const { cachedTokens, promptTokens } of second) {
    expect(cachedTokens).toBeGreaterThan(20);
    expect(cachedTokens).toBeLessThan(promptTokens);
  }
  await pool.close();
  const other = new Pool();
  for (const one of requests.slice(0, 3)) {
    const [alone] = await ask(tiny(other, files), [one]);
    expect(alone).toMatchObject({ text: first[Number(one.key)]?.text });
  }
  await other.close();
});
