import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Started, started, until } from './started.contract.ts';

let it: Started;
beforeAll(async () => {
  it = await started({
    bodyLimit: 200_000,
    headersTimeout: 300,
    requestTimeout: 1200,
    limits: { queue: 20 },
  });
});
afterAll(() => it.close());

interface ErrorBody {
  readonly error: { message: string; type: string; param: string | null; code: string | null };
}

/** A request as a client without manners sends it. */
async function send(
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; headers: Headers; error: ErrorBody['error'] }> {
  const response = await fetch(`${it.server.url}${path}`, init);
  const { error } = (await response.json()) as ErrorBody;
  expect(error).toEqual({
    message: expect.any(String),
    type: expect.any(String),
    param: error.param === null ? null : expect.any(String),
    code: error.code === null ? null : expect.any(String),
  });
  return { status: response.status, headers: response.headers, error };
}
const json = { 'Content-Type': 'application/json' };
const post = (path: string, body: unknown, headers: Record<string, string> = json) =>
  send(path, { method: 'POST', headers, body: typeof body === 'string' ? body : JSON.stringify(body) });

const completion = { model: 'm0', prompt: 'Instruction: Name 2 words. <answer>', max_tokens: 4 };
const chat = { model: 'm0', messages: [{ role: 'user', content: 'Instruction: Name 2 words. <answer>' }] };

describe('a body that is not right is a 400 that names the field', () => {
  test.each<[string, object, string | null]>([
    ['no prompt', { prompt: undefined }, 'prompt'],
    ['a prompt of another type', { prompt: { text: 'x' } }, 'prompt'],
    ['an empty prompt', { prompt: '' }, 'prompt'],
    ['no prompts', { prompt: [] }, 'prompt'],
    ['a mixed prompt', { prompt: ['x', 1] }, 'prompt'],
    ['a negative token', { prompt: [5, -1] }, 'prompt.1'],
    ['an unknown token', { prompt: [5, 660] }, 'prompt'],
    ['a fraction of a token', { prompt: [5.5] }, 'prompt'],
    ['negative max_tokens', { max_tokens: -1 }, 'max_tokens'],
    ['a text as max_tokens', { max_tokens: '5' }, 'max_tokens'],
    ['a fraction as max_tokens', { max_tokens: 1.5 }, 'max_tokens'],
    ['n 0', { n: 0 }, 'n'],
    ['a huge n', { n: 1e9 }, 'n'],
    ['more than may ever wait', { n: 11, prompt: ['Name', 'List'] }, 'n'],
    ['more prompts than may ever wait', { prompt: Array(21).fill('Name') }, 'prompt'],
    ['a seed that is no integer', { seed: 0.5 }, 'seed'],
    ['a negative temperature', { temperature: -0.1 }, 'temperature'],
    ['a top_p above 1', { top_p: 1.1 }, 'top_p'],
    ['an empty stop', { stop: ['a', ''] }, 'stop.1'],
    ['too many stops', { stop: Array(65).fill('a') }, 'stop'],
    ['logprobs as in chats', { logprobs: true }, 'logprobs'],
    ['too many logprobs', { logprobs: 21 }, 'logprobs'],
    ['a text as stream', { stream: 'yes' }, 'stream'],
    ['log-probabilities of the prompt', { echo: true, logprobs: 1 }, 'echo'],
    ['a penalty', { frequency_penalty: 0.5 }, 'frequency_penalty'],
    ['top_k', { top_k: 50 }, 'top_k'],
    ['a logit bias', { logit_bias: { 5: 1 } }, 'logit_bias'],
  ])('%s', async (_, change, param) => {
    const { status, error } = await post('/v1/completions', { ...completion, ...change });
    expect({ status, type: error.type, param: error.param }).toEqual({
      status: 400,
      type: 'invalid_request_error',
      param,
    });
  });

  test.each<[string, object, string]>([
    ['no messages', { messages: [] }, 'messages'],
    ['a message without a role', { messages: [{ content: 'x' }] }, 'messages.0.role'],
    ['an image', { messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }, 'messages.0.content'],
    ['no max_tokens at all', { max_tokens: 0 }, 'max_tokens'],
    ['tools', { tools: [{ type: 'function' }] }, 'tools'],
    ['a response format', { response_format: { type: 'json_object' } }, 'response_format'],
  ])('chat: %s', async (_, change, param) => {
    const { status, error } = await post('/v1/chat/completions', { ...chat, ...change });
    expect({ status, param: error.param }).toEqual({ status: 400, param });
  });

  test.each(['', '{', 'null', '[]', '5', '{"prompt": "x"'.repeat(3), `${'['.repeat(50_000)}`])(
    '%#',
    async (body) => {
      expect((await post('/v1/completions', body)).status).toBe(400);
    },
  );

  test('bytes that are no UTF-8', async () => {
    const body = Uint8Array.of(0x22, 0xff, 0x22);
    expect((await send('/v1/completions', { method: 'POST', headers: json, body })).error.code).toBe(
      'invalid_json',
    );
  });
});

test('null is as good as absent, what is neutral is taken, unknown fields are ignored', async () => {
  const nulls = {
    n: null,
    seed: null,
    stop: null,
    temperature: null,
    top_p: null,
    logprobs: null,
    stream: null,
  };
  const neutral = {
    frequency_penalty: 0,
    presence_penalty: 0,
    top_k: -1,
    best_of: 1,
    logit_bias: {},
    tools: null,
  };
  const body = { ...completion, ...nulls, ...neutral, user: 'me', something: { new: true } };
  const response = await fetch(`${it.server.url}/v1/completions`, {
    method: 'POST',
    headers: json,
    body: JSON.stringify(body),
  });
  expect(response.status).toBe(200);
});

describe('a prompt that does not fit', () => {
  test.each<[string, string, object]>([
    ['with its completion', '/v1/completions', { ...completion, max_tokens: 250 }],
    ['by itself', '/v1/completions', { ...completion, prompt: Array(256).fill(5), max_tokens: undefined }],
    ['as text', '/v1/completions', { ...completion, prompt: 'x '.repeat(300) }],
    [
      'as a text of which nobody counts the tokens',
      '/v1/completions',
      { ...completion, prompt: 'x'.repeat(100_000) },
    ],
    ['in a chat', '/v1/chat/completions', { ...chat, max_tokens: 250 }],
    [
      'in a chat, by itself',
      '/v1/chat/completions',
      { messages: [{ role: 'user', content: 'x '.repeat(300) }] },
    ],
  ])('%s', async (_, path, body) => {
    const { status, error } = await post(path, body);
    expect(status).toBe(400);
    expect(error.code).toBe('context_length_exceeded');
    expect(error.message).toMatch(/maximum context length is 256 tokens\. However, you/);
  });
});

test('unknown routes, methods, models and media types have their own status', async () => {
  expect((await send('/v1/nothing')).status).toBe(404);
  expect((await send('//')).status).toBe(404);
  const method = await send('/v1/completions');
  expect([method.status, method.headers.get('allow')]).toEqual([405, 'POST']);
  expect((await post('/health', {})).status).toBe(405);
  const model = await post('/v1/completions', { ...completion, model: 'gpt' });
  expect([model.status, model.error.code]).toEqual([404, 'model_not_found']);
  expect((await post('/v1/completions', completion, { 'Content-Type': 'text/plain' })).status).toBe(415);
  expect((await post('/v1/completions', completion, { ...json, 'Content-Encoding': 'gzip' })).status).toBe(
    415,
  );
});

test('a body over the limit is a 413, announced or not', async () => {
  const body = JSON.stringify({ ...completion, prompt: 'x'.repeat(300_000) });
  expect((await post('/v1/completions', body)).status).toBe(413);
  const status = await new Promise((resolve, reject) => {
    const request = httpRequest(
      `${it.server.url}/v1/completions`,
      { method: 'POST', headers: json },
      (response) => {
        response.resume();
        resolve(response.statusCode);
      },
    );
    request.on('error', reject);
    // In pieces, without a Content-Length.
    for (let i = 0; i < body.length; i += 50_000) request.write(body.slice(i, i + 50_000));
    request.end();
  });
  expect(status).toBe(413);
});

/** What a server answers to bytes, until it hangs up. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(it.server.url).port), '127.0.0.1');
    let answer = '';
    socket.on('data', (data) => {
      answer += data;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
    socket.write(text);
  });
}

test('who is slow to send headers or a body is hung up on', async () => {
  expect(await raw('POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nX-Slow: ')).toContain(
    '408 Request Timeout',
  );
  const begun = `POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{`;
  expect(await raw(begun)).toContain('408 Request Timeout');
  expect(await raw('NOT HTTP\r\n\r\n')).toContain('400 Bad Request');
  expect(await raw(`GET /health HTTP/1.1\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`)).toContain('431');
});

test('a page whose own name leads here is refused', async () => {
  const host = (name: string) => raw(`GET /health HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`);
  for (const name of ['localhost:80', '127.0.0.1', '[::1]:8000'])
    expect(await host(name)).toContain('200 OK');
  for (const name of ['evil.example', '127.0.0.1.evil.example', ''])
    expect(await host(name)).toContain(' 403 ');
});

test('when too many sequences wait, a request is told to come later', async () => {
  const { generator } = it;
  const controller = new AbortController();
  const busy = { ...completion, temperature: 1000, max_tokens: 240, n: 18 };
  const begin = () =>
    fetch(`${it.server.url}/v1/completions`, {
      method: 'POST',
      headers: json,
      body: JSON.stringify(busy),
      signal: controller.signal,
    }).catch(() => null);
  const begun = [begin(), begin()];
  await until(() => generator.waiting === 20);
  const { status, headers, error } = await post('/v1/completions', completion);
  expect([status, error.code, headers.get('retry-after')]).toEqual([503, 'overloaded', '1']);
  controller.abort();
  await Promise.all(begun);
  await until(() => generator.waiting === 0);
});

test('a key is asked for where there is one, but not for the health', async () => {
  const guarded = await started({ apiKey: 'secret' });
  try {
    const { url } = guarded.server;
    expect((await fetch(`${url}/health`)).status).toBe(200);
    for (const authorization of ['', 'Bearer wrong', 'secret']) {
      const { status } = await fetch(`${url}/v1/models`, { headers: { authorization } });
      expect(status).toBe(401);
    }
    expect((await guarded.client.models.list()).data).toHaveLength(1);
  } finally {
    await guarded.close();
  }
});

describe('a server that is closed', () => {
  const long = { ...completion, temperature: 1000, max_tokens: 240 };

  test('lets requests end, takes no new ones, and leaves its port', async () => {
    const other = await started();
    const request = other.client.completions.create({ ...long, max_tokens: 100, n: 2 });
    await until(() => other.generator.running > 0);
    const closed = other.server.close(60_000);
    expect((await request).choices).toHaveLength(2);
    await closed;
    await expect(fetch(`${other.server.url}/health`)).rejects.toThrow();
    await other.close();
  });

  test('tells those who take longer than the grace', async () => {
    const other = await started();
    const stream = await other.client.completions.create({ ...long, n: 40, stream: true });
    const whole = other.client.completions.create({ ...long, n: 40 });
    await until(() => other.generator.waiting > 40);
    const rest = (async () => {
      for await (const _ of stream);
    })();
    const told = Promise.allSettled([whole, rest]);
    await other.server.close(1);
    const [first, second] = await told;
    expect(first).toMatchObject({ status: 'rejected', reason: { status: 503, code: 'shutting_down' } });
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 'shutting_down' } });
    expect(other.generator.running).toBe(0);
    await other.close();
  });
});

test('when the engine fails, everybody hears of it, and so does the health', async () => {
  const other = await started();
  try {
    const { url } = other.server;
    const long = other.client.completions.create({
      ...completion,
      temperature: 1000,
      max_tokens: 240,
      n: 8,
    });
    const told = expect(long).rejects.toMatchObject({ status: 500, code: 'engine_failed' });
    await until(() => other.generator.running > 0);
    // A token that is none: the server refuses such prompts, the runtime throws.
    const sampling = { n: 1, seed: 0, maxTokens: 1, temperature: 0, topP: 1, stop: [], logprobs: null };
    const broken = other.generator.generate([[100_000]], { ...sampling, stream: false }, AbortSignal.any([]));
    await expect(broken.next()).rejects.toThrow('the engine has stopped');
    await told;
    expect((await fetch(`${url}/health`)).status).toBe(503);
    await expect(other.client.completions.create(completion)).rejects.toMatchObject({ status: 500 });
  } finally {
    await other.close();
  }
});
