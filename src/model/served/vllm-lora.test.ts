import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { identify } from '../local/identity.ts';
import { ask, checkpoints, type Fault, type MadeUpServer, madeUpServer } from './made-up.contract.ts';
import { ServedModels } from './served.ts';
import { VllmLora, type VllmLoraOptions } from './vllm-lora.ts';

let folder: string;
let made: Awaited<ReturnType<typeof checkpoints>>;
let first: string;
let second: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evalplanner-vllm-'));
  made = await checkpoints(folder);
  first = await made.adapter('M1-SFT', 1);
  second = await made.adapter('M1-DPO', 2);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function served(
  faults: readonly (Fault | undefined)[] = [undefined],
  options: Partial<VllmLoraOptions> = {},
) {
  const servers: MadeUpServer[] = [];
  for (const fault of faults) servers.push(await madeUpServer(made.base, fault));
  closing.push(...servers.map(({ close }) => close));
  const loader = new VllmLora({
    url: servers.map(({ url }) => url),
    start: made.base,
    own: made.own,
    ...options,
  });
  const models = new ServedModels(loader, { connectPatience: 5, patience: 50, retryDelay: 1, timeout: 2000 });
  closing.push(() => models.close());
  const [server] = servers as [MadeUpServer];
  return { models, server, servers };
}

const nameOf = async (judge: string, place: string) => `${judge}-${(await identify(place)).weights}`;
const loads = ({ calls }: MadeUpServer) => calls.filter((call) => /load_lora_adapter/.test(call));

describe('a new adapter', () => {
  test('is loaded under a name with its hash, and alone answers; the one before it is unloaded', async () => {
    const { models, server } = await served();
    const m0 = await models.open('M0', made.base);
    expect(await ask(m0)).toBe('m0 says');
    const [one, other] = [await nameOf('M1-SFT', first), await nameOf('M1-DPO', second)];
    expect(await ask(await models.open('M1-SFT/step-1', first))).toBe(`${one} says`);
    expect(await ask(await models.open('M1-DPO', second))).toBe(`${other} says`);
    expect(loads(server)).toEqual([
      `POST /v1/load_lora_adapter ${one}`,
      `POST /v1/load_lora_adapter ${other}`,
      `POST /v1/unload_lora_adapter ${one}`,
    ]);
    expect(server.models.map(({ id }) => id)).toEqual(['m0', other]);
    await models.close();
    expect(server.models.map(({ id }) => id)).toEqual(['m0']);
  });

  test('is another model for the ledger, whatever it is called', async () => {
    const { models } = await served();
    const revision = async (name: string, place: string) => (await models.open(name, place)).revision;
    const found = [
      await revision('M0', made.base),
      await revision('M1', first),
      await revision('M1', second),
    ];
    expect(new Set(found).size).toBe(3);
    expect(await revision('M2', first)).toBe(found[1]);
  });

  test('is not loaded before there is a request', async () => {
    const { models, server } = await served();
    const model = await models.open('M1-SFT', first);
    for await (const _ of model.generate([]));
    expect(server.calls).toEqual([]);
  });

  test('is on every replica before the first request', async () => {
    const { models, servers } = await served([undefined, undefined, undefined]);
    await ask(await models.open('M1-SFT', first));
    const name = await nameOf('M1-SFT', first);
    for (const { models } of servers) expect(models.map(({ id }) => id)).toContain(name);
  });

  test('that the server has from a run that was killed is not loaded again', async () => {
    const { models, server } = await served();
    const name = await nameOf('M1-SFT', first);
    server.models.push({ id: name, root: first, parent: 'm0' });
    expect(await ask(await models.open('M1-SFT', first))).toBe(`${name} says`);
    expect(loads(server)).toEqual([]);
  });

  test('whose name is taken by something else takes its place', async () => {
    const { models, server } = await served();
    const name = await nameOf('M1-SFT', first);
    server.models.push({ id: name, root: '/somewhere/else', parent: 'm0' });
    await ask(await models.open('M1-SFT', first));
    expect(loads(server)).toEqual([
      `POST /v1/unload_lora_adapter ${name}`,
      `POST /v1/load_lora_adapter ${name}`,
    ]);
    expect(server.models.at(-1)?.root).toBe(first);
  });

  test('leaves adapters of others alone', async () => {
    const { models, server } = await served();
    server.models.push({ id: 'theirs', root: '/their/run/checkpoints/M1', parent: 'm0' });
    await ask(await models.open('M1-SFT', first));
    expect(server.models.map(({ id }) => id)).toContain('theirs');
  });

  test('is loaded again where the server was started anew', async () => {
    const { models, server } = await served();
    const model = await models.open('M1-SFT', first);
    await ask(model);
    server.models.splice(1);
    expect(await ask(model, 'two')).toMatch(/says$/);
    expect(loads(server)).toHaveLength(2);
  });
});

test('a replica that dies, and comes back as it was started, is given the adapter again', async () => {
  let dead = false;
  const dying: Fault = (path, _, response) => {
    if (path === '/v1/completions' && !dead) {
      dead = true;
      // What was loaded is gone with it.
      server.models.splice(1);
      response.destroy();
      return true;
    }
    return false;
  };
  const { models, server } = await served([dying]);
  const name = await nameOf('M1-SFT', first);
  expect(await ask(await models.open('M1-SFT', first))).toBe(`${name} says`);
  expect(loads(server)).toEqual([`POST /v1/load_lora_adapter ${name}`, `POST /v1/load_lora_adapter ${name}`]);
});

describe('is refused by name', () => {
  test('another base, before anything is asked', async () => {
    const { models, server } = await served();
    server.models.splice(0, 1, { id: 'other', root: '/models/other', parent: null });
    const refusal = {
      code: 'model',
      message: `${server.url} serves other (/models/other), not ${made.base}`,
    };
    await expect(models.ready(made.base)).rejects.toMatchObject(refusal);
    await expect(ask(await models.open('M1-SFT', first))).rejects.toMatchObject(refusal);
    expect(server.calls.filter((call) => !call.startsWith('GET'))).toEqual([]);
  });

  test('a base of another name than was said; of that name it may lie anywhere', async () => {
    const { models, server } = await served(undefined, { base: 'judge' });
    await expect(models.ready(made.base)).rejects.toMatchObject({
      message: expect.stringContaining('not judge'),
    });
    server.models.splice(0, 1, { id: 'judge', root: '/models/base', parent: null });
    await models.ready(made.base);
  });

  test('a replica that calls the base otherwise', async () => {
    const { models, servers } = await served([undefined, undefined]);
    servers[1]?.models.splice(0, 1, { id: 'm00', root: made.base, parent: null });
    await expect(models.ready(made.base)).rejects.toMatchObject({
      remedy: expect.stringContaining('one --served-model-name'),
    });
  });

  test('a whole checkpoint that is not the base', async () => {
    const { models } = await served();
    const model = await models.open('M1-SFT', await made.whole('whole', 0.5));
    await expect(ask(model)).rejects.toMatchObject({
      code: 'usage',
      remedy: expect.stringContaining('restart'),
    });
  });
});

const answering =
  (path: string, status: number, body: object): Fault =>
  (asked, of, response) => {
    if (asked !== path || of.lora_name === '') return false;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
    return true;
  };

describe('says what happened and what to do', () => {
  test.each([
    ['too large a rank', 500, 'LoRA rank 64 is greater than max_lora_rank 16.', /--max-lora-rank/],
    [
      'a folder that it does not see',
      404,
      'Loading lora x failed: No adapter found for /x',
      /path that the server reads/,
    ],
  ])('when a load is refused: %s', async (_, status, message, remedy) => {
    const { models } = await served([answering('/v1/load_lora_adapter', status, { error: { message } })]);
    await expect(ask(await models.open('M1-SFT', first))).rejects.toMatchObject({
      code: 'model',
      message: expect.stringContaining(message),
      remedy: expect.stringMatching(remedy),
    });
  });

  test('when the server loads no adapters at all, before anything is paid for', async () => {
    const gone: Fault = (path, _, response) => {
      if (!path.includes('lora')) return false;
      response.writeHead(404).end('{"detail":"Not Found"}');
      return true;
    };
    const { models } = await served([gone]);
    await expect(models.ready(made.base)).rejects.toMatchObject({
      remedy: expect.stringContaining('VLLM_ALLOW_RUNTIME_LORA_UPDATING'),
    });
  });

  test('when it says that it loaded, and did not', async () => {
    const { models } = await served([answering('/v1/load_lora_adapter', 200, {})]);
    await expect(ask(await models.open('M1-SFT', first))).rejects.toMatchObject({
      message: expect.stringMatching(/said that it loaded M1-SFT-\w+, and serves m0/),
    });
  });

  test('when nobody answers, and when one dies between the load and the first request', async () => {
    const { models, server } = await served();
    const model = await models.open('M1-SFT', first);
    const dying: Fault = (path) => {
      if (path === '/v1/completions') void server.close();
      return path === '/v1/completions';
    };
    const other = await served([dying]);
    await server.close();
    await expect(models.ready(made.base)).rejects.toMatchObject({
      message: expect.stringContaining('did not answer'),
    });
    await expect(ask(model)).rejects.toMatchObject({ code: 'model' });
    const died = ask(await other.models.open('M1-SFT', first));
    await other.server.close();
    await expect(died).rejects.toMatchObject({ code: 'model' });
  });

  test('when another judge is asked at the same time', async () => {
    const { models } = await served();
    const [a, b] = [await models.open('M1-SFT', first), await models.open('M1-DPO', second)];
    async function* slowly() {
      yield { key: 'k', prompt: { messages: [] }, seed: 1, temperature: 0, topP: 1, maxTokens: 1 };
      await expect(ask(b)).rejects.toMatchObject({ code: 'internal' });
    }
    for await (const _ of a.generate(slowly()));
    expect(await ask(b)).toMatch(/says/);
  });
});
