import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import OpenAI, { type APIError } from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openClient } from './openai-client.ts';
import { openTransport, type Transport } from './transport.ts';

/** What the next calls are answered, and what they sent. */
let next: { readonly status: number; readonly body: string; readonly headers?: Record<string, string> };
const asked: { url: string | undefined; method: string | undefined; body: string }[] = [];
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const { url, method } = request;
  asked.push({ url, method, body: Buffer.concat(chunks).toString() });
  response
    .writeHead(next.status, { 'content-type': 'application/json', ...next.headers })
    .end(next.status === 204 ? undefined : next.body);
});
let origin: string;
let transport: Transport;
const signal = new AbortController().signal;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  transport = await openTransport();
});
afterAll(async () => {
  await transport.close();
  server.closeAllConnections();
  server.close();
});

/** The package's own way of making the same call. */
const packaged = (baseURL: string) => new OpenAI({ baseURL, apiKey: 'none', maxRetries: 0 });
const body = { model: 'x', messages: [{ role: 'user', content: '“é” \u2028 😀' }], temperature: 0.1 };

describe('a call is what the openai package would make of it', () => {
  test.each(['/v1', '/v1/', '', '/a/b?api-version=2026-01-01', '/a%20b/?x=é'])('at %s', async (path) => {
    next = { status: 200, body: '{"choices": [{"text": "ä"}]}' };
    const theirs = await packaged(origin + path).post('/chat/completions', { body });
    const client = await openClient(origin + path, undefined, {}, transport);
    const ours = JSON.parse(await client.post('/chat/completions', body, signal));
    expect(ours).toEqual(theirs);
    const [first, second] = asked.splice(0);
    expect(second).toEqual(first);
  });

  test.each([
    [400, '{"error": {"message": "no", "code": "c", "param": "p"}}'],
    [401, '{"message": "bare", "code": null}'],
    [403, '{"error": "a text"}'],
    [404, '<html>not here</html>'],
    [409, ''],
    [422, '{"error": {"message": {"deep": 1}}}'],
    [429, '{"error": null, "detail": "slow down"}'],
    [500, '[1]'],
    [503, '{"object": "error", "message": "vLLM says it so"}'],
    [302, ''],
  ])('and %i with %s is the same error', async (status, said) => {
    next = { status, body: said, headers: { 'retry-after': '7', 'x-request-id': 'r', 'set-cookie': 'a=b' } };
    const failure = async (call: Promise<unknown>) => {
      const error = (await call.then(
        () => null,
        (thrown: unknown) => thrown,
      )) as APIError;
      const { name, message, status, code, param, type, requestID, headers } = error;
      const kind = error.constructor.name;
      return { name, kind, message, status, code, param, type, requestID, wait: headers?.get('retry-after') };
    };
    const client = await openClient(`${origin}/v1`, undefined, {}, transport);
    const ours = await failure(client.post('/completions', body, signal));
    // Ours follows no redirect; fetch would.
    const manual = { body, fetchOptions: { redirect: 'manual' } } as const;
    expect(ours).toEqual(await failure(packaged(`${origin}/v1`).post('/completions', manual)));
  });
});

describe('an abort', () => {
  test('before, while it connects, and while it waits ends the call with its reason', async () => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/`;
    try {
      for (const wait of [null, 0, 50]) {
        const controller = new AbortController();
        const reason = new Error(`given up after ${wait}`);
        if (wait === null) controller.abort(reason);
        const call = transport.send(url, {}, '{}', controller.signal);
        if (wait !== null) setTimeout(() => controller.abort(reason), wait);
        await expect(call).rejects.toBe(reason);
      }
    } finally {
      silent.closeAllConnections();
      silent.close();
    }
  });
});
