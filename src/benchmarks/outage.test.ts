import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { openaiCompatible } from '../model/openai.ts';
import { HangClock } from '../model/remote/hang-clock.contract.ts';
import { storeFailure } from '../store/failure.ts';
import { openStore } from '../store/ledger.ts';
import type { Generations, Store } from '../store.ts';
import type { BenchmarkPair, Game } from './benchmark.ts';
import { judgebench } from './judgebench.ts';
import { play } from './play.ts';

/** An outage in the middle of a benchmark: what came is kept, and the same benchmark again asks for the rest only. The key, the
 * model and the quota are tried through the command (cli/outage.test.ts). */

const pairs = Array.from(
  { length: 12 },
  (_, i): BenchmarkPair => ({
    id: String(i),
    prompt: String(i),
    section: 'Knowledge',
    subset: 'mmlu',
    instruction: `question ${i}`,
    first: `the answer one of ${i}`,
    second: `the answer two of ${i}`,
    gold: 'first',
  }),
);
/** Both orders of each. */
const ALL = 2 * pairs.length;
const BEFORE = 5;

interface Served {
  readonly clock: HangClock;
  close(): void;
}
type Fault = (response: ServerResponse, served: Served) => void;
const hangs: Fault = (_, { clock }) => clock.hangs();
/** Milliseconds; no call but one that hangs ever takes them. */
const TIMEOUT = 20_000;
const opened: Server[] = [];
afterEach(async () => {
  for (const server of opened.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

/** Answers so many calls, then `hits` others by the fault. */
async function serve(fault: Fault | null, hits = Number.POSITIVE_INFINITY) {
  let calls = 0;
  const sockets = new Set<Socket>();
  const clock = new HangClock(TIMEOUT);
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const n = ++calls;
    if (fault && n > BEFORE && n <= BEFORE + hits) return fault(response, { clock, close });
    const { messages } = JSON.parse(Buffer.concat(chunks).toString());
    const prompt = String(messages.at(-1).content);
    const content = prompt.indexOf('answer one') < prompt.indexOf('answer two') ? '[[A]]' : '[[B]]';
    const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }];
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ choices }));
  });
  server.on('connection', (socket) => sockets.add(socket));
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  opened.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const model = openaiCompatible(
    {
      baseURL: `http://127.0.0.1:${port}/v1`,
      model: 'judge',
      revision: 'one',
      retryDelay: 5,
      attempts: 2,
      timeout: TIMEOUT,
      patience: 60,
      connectPatience: 60,
      maxConcurrency: 2,
      initialConcurrency: 2,
    },
    clock,
  );
  return { model, calls: () => calls };
}

async function games(model: Parameters<typeof play>[0], store: Generations): Promise<Game[]> {
  const found: Game[] = [];
  for await (const game of play(model, judgebench, pairs, { form: 'direct', store })) found.push(game);
  return found.sort((a, b) => Number(a.pair.id) - Number(b.pair.id));
}

const stops = (store: Store) => store.counts().generations.stop;

/** The same benchmark with a server that is well. */
async function heals(store: Store): Promise<void> {
  const kept = stops(store);
  const { model, calls } = await serve(null);
  const found = await games(model, store);
  await model.close();
  expect(found.map(({ verdicts }) => verdicts)).toEqual(pairs.map(() => ({ ab: 'A', ba: 'B' })));
  expect(calls()).toBe(ALL - kept);
  expect(stops(store)).toBe(ALL);
}

test.each<[string, Fault, RegExp]>([
  ['a dead server', (_, { close }) => close(), /did not answer/],
  ['a server that hangs', hangs, /no answer in 20 s/],
  [
    'a server that fails',
    (response) => response.writeHead(500, { 'content-type': 'application/json' }).end('{}'),
    /500/,
  ],
])('%s ends it', async (_, fault, why) => {
  using store = openStore(':memory:', { config: {} });
  const { model } = await serve(fault);
  await expect(games(model, store)).rejects.toMatchObject({
    code: 'model',
    message: expect.stringMatching(why),
    remedy: expect.stringMatching(/\S/),
  });
  await model.close();
  expect(stops(store)).toBeGreaterThanOrEqual(BEFORE - 2);
  expect(stops(store)).toBeLessThan(ALL);
  await heals(store);
});

test('a call that times out again and again is a verdict of error, never one of the judge, and is asked again', async () => {
  using store = openStore(':memory:', { config: {} });
  const { model } = await serve(hangs, 2);
  const found = await games(model, store);
  await model.close();
  const verdicts = found.flatMap((game) => Object.values(game.verdicts));
  expect(verdicts.filter((verdict) => verdict !== 'A' && verdict !== 'B' && verdict !== 'error')).toEqual([]);
  expect(verdicts.filter((verdict) => verdict === 'error').length).toBe(ALL - stops(store));
  await heals(store);
});

test('a full disk ends it with what came before', async () => {
  using store = openStore(':memory:', { config: {} });
  let puts = 0;
  const full: Generations = {
    generation: (key) => store.generation(key),
    missing: (...of) => store.missing(...of),
    putGenerations(...of) {
      if (++puts > 3)
        throw storeFailure(Object.assign(new Error('no space left'), { code: 'ENOSPC' }), 'run.db');
      store.putGenerations(...of);
    },
  };
  const { model } = await serve(null);
  await expect(games(model, full)).rejects.toMatchObject({
    code: 'disk',
    message: expect.stringContaining('disk is full'),
  });
  await model.close();
  expect(stops(store)).toBeGreaterThan(0);
  expect(stops(store)).toBeLessThan(ALL);
  await heals(store);
});
