import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { type MadeUpServer, play, USED } from '../../bench/servers/made-up.ts';
import { type GenerateRequest, type Generation, type Model, userPrompt } from '../model.ts';
import { type OpenAICompatibleOptions, openaiCompatible } from './openai.ts';

const ROWS = JSON.parse(readFileSync('fixtures/servers.json', 'utf8')) as MadeUpServer[];
const PRICES = { prompt: 1, completion: 10, cached: 0.5 };

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function started(row: MadeUpServer) {
  const server = await play(row);
  closing.push(server.close);
  const notices: string[] = [];
  const notice = (message: string) => notices.push(message);
  const open = (options: Partial<OpenAICompatibleOptions> = {}) => {
    const given = { baseURL: server.url, model: 'x', retryDelay: 1, prices: PRICES, notice };
    const model = openaiCompatible({ ...given, ...options });
    closing.push(() => model.close());
    return model;
  };
  return { server, notices, open };
}

const request = (
  row: MadeUpServer,
  prompt: string,
  changes: Partial<GenerateRequest> = {},
): GenerateRequest => ({
  key: `${prompt} ${changes.seed ?? 7}`,
  prompt: userPrompt(prompt),
  maxTokens: 50,
  temperature: row.temperature ?? 0.7,
  topP: 1,
  seed: 7,
  ...changes,
});

async function all(model: Model, requests: readonly GenerateRequest[]): Promise<Generation[]> {
  const found: Generation[] = [];
  for await (const generation of model.generate(requests)) found.push(generation);
  return found;
}

const rule = ({ refuses }: MadeUpServer, field: string) => refuses.find((rule) => rule.field === field);

/** What a server's own text says, in whatever form it stands. */
const words = (body: unknown): string[] =>
  typeof body === 'string'
    ? [body]
    : typeof body === 'object' && body !== null
      ? Object.values(body).flatMap(words)
      : [];

describe.each(ROWS.map((row) => [row.name, row] as const))('%s', (_, row) => {
  test('brings as many samples as are asked for, each once', async () => {
    const { server, notices, open } = await started(row);
    const seed = 2 ** 31 + 100;
    const requests = [0, 1, 2].map((i) => request(row, 'sample', { seed: seed + i }));
    const found = await all(open(), requests);
    expect(found.map(({ finishReason }) => finishReason)).toEqual(['stop', 'stop', 'stop']);
    expect(new Set(found.map(({ text }) => text)).size).toBe(3);
    expect(server.taken).toHaveLength(row.choices === 'n' ? 1 : 3);
    expect(notices.some((note) => /takes no n:/.test(note))).toBe(rule(row, 'n') !== undefined);
    const { prompt, cached, completion } = USED;
    const read = /cache/.test(row.usage) ? cached : 0;
    const cost = (prompt - read) * PRICES.prompt + read * PRICES.cached + completion * PRICES.completion;
    expect(found[0]).toMatchObject({ completionTokens: completion, cost: cost / 1e6 });
  });

  test('is asked with seeds of 31 bits, or with none where it takes none', async () => {
    const { server, notices, open } = await started(row);
    await all(open(), [request(row, 'seed', { seed: 2 ** 32 - 1 })]);
    const refused = rule(row, 'seed') !== undefined;
    expect(server.taken.map(({ seed }) => seed)).toEqual([refused ? undefined : 2 ** 31 - 1]);
    expect(notices.some((note) => /takes no seed/.test(note))).toBe(refused);
  });

  test('gives the log-probabilities that it has', async () => {
    const { server, notices, open } = await started(row);
    const model = open();
    const [found] = await all(model, [request(row, 'logprobs', { logprobs: 25 })]);
    const limited = row.refuses.some(({ field }) => /logprobs/.test(field));
    expect(notices.filter((note) => /logprobs:|log-probability of|alternatives? of/.test(note))).toHaveLength(
      limited ? 1 : 0,
    );
    expect(found).toMatchObject({ finishReason: 'stop' });
    if (row.logprobs === 'none') expect(found).not.toHaveProperty('logprobs');
    else {
      const most = row.refuses.findLast(({ field, above }) => /logprobs/.test(field) && above)?.above ?? 25;
      expect(found?.logprobs?.[0]).toMatchObject({ token: 'A', logprob: -Math.LN2 });
      expect(found?.logprobs?.[0]?.top).toHaveLength(most);
    }
    const calls = server.asked.length;
    await all(model, [request(row, 'once more', { logprobs: 10 })]);
    expect(server.asked.length - calls).toBe(1);
  });

  test('never answers at another temperature than was asked for', async () => {
    const { server, open } = await started(row);
    const temperature = row.badTemperature ?? (rule(row, 'temperature')?.below === 0 ? -1 : 3);
    const answered = all(open(), [request(row, 'temperature', { temperature })]);
    const refused = rule(row, 'temperature');
    if (refused === undefined) {
      expect((await answered)[0]?.finishReason).toBe('stop');
      expect(server.taken.map((body) => body.temperature)).toEqual([temperature]);
      return;
    }
    const [said] = words(refused.body).filter((text) => /temperature/.test(text) && text.length > 11);
    const error = await answered.then(
      () => null,
      (error: unknown) => error,
    );
    // Mistral's words stand in a list, with the field beside them.
    const expected = (said ?? 'Input should be').replaceAll('{value}', String(temperature));
    expect(error).toMatchObject({ code: 'model', remedy: expect.stringContaining('--temperature') });
    expect(JSON.stringify((error as Error).message).replaceAll('\\\\\\"', '\\"')).toContain(
      JSON.stringify(expected.slice(0, 60)).slice(1, -1),
    );
    expect(server.taken).toEqual([]);
    const left = await all(open({ body: { temperature: null } }), [
      request(row, 'left to it', { temperature }),
    ]);
    expect(left[0]?.finishReason).toBe('stop');
    expect(server.taken[0]).not.toHaveProperty('temperature');
  });

  test.each(Object.entries(row.ends))('ends by %s: %s', async (word, ending) => {
    const { server, notices, open } = await started(row);
    const model = open();
    const [found] = await all(model, [request(row, `end ${word}`)]);
    await model.close();
    const again = ending === 'again';
    expect(found).toMatchObject({
      finishReason: again ? 'stop' : ending,
      rawFinishReason: again ? 'stop' : word,
    });
    if (!row.noMessage?.includes(word)) expect(found?.text).toMatch(/^A \d/);
    expect(server.taken).toHaveLength(again ? 2 : 1);
    const told = notices.filter((note) => note.includes(`"${word}"`));
    expect(told).toHaveLength(row.name === 'a server of tomorrow' && word !== 'length' ? 1 : 0);
  });
});

const having = (name: 'filters' | 'inside' | 'prefill') =>
  ROWS.filter((row) => row[name]).map((row) => [row.name, row] as const);

test.each(having('filters'))('%s: a prompt that is filtered is a refusal', async (_, row) => {
  const { open } = await started(row);
  expect((await all(open(), [request(row, 'filter')]))[0]?.finishReason).toBe('refused');
});

test.each(having('inside'))('%s: an error inside an answer is waited for', async (_, row) => {
  const { server, open } = await started(row);
  expect((await all(open(), [request(row, 'inside')]))[0]?.finishReason).toBe('stop');
  expect(server.asked).toHaveLength(2);
});

test.each(having('prefill'))('%s: goes on from a beginning', async (_, row) => {
  const { server, open } = await started(row);
  const prompt = userPrompt('go on', 'Verdict: ');
  const [found] = await all(open({ prefill: row.prefill as 'prefix' }), [request(row, 'go on', { prompt })]);
  expect(found?.text).toBe('A 1.0');
  const messages = server.taken[0]?.messages as object[] | undefined;
  expect(messages?.at(-1)).toMatchObject({ role: 'assistant', content: 'Verdict: ' });
});

test('every server is in the table of docs/servers.md, with its sources', () => {
  const table = readFileSync('docs/servers.md', 'utf8');
  for (const { name, sources } of ROWS) {
    if (name === 'a server of tomorrow') continue;
    expect(table).toContain(`| ${name} |`);
    for (const source of sources) expect(table).toContain(source);
  }
});
