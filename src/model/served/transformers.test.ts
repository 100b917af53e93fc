import { readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ask, checkpoints, type Fault, madeUpServer } from './made-up.contract.ts';
import { ServedModels } from './served.ts';
import { TransformersServe } from './transformers.ts';

let folder: string;
let made: Awaited<ReturnType<typeof checkpoints>>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evalplanner-transformers-'));
  made = await checkpoints(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function served(fault?: Fault) {
  const bodies: Record<string, unknown>[] = [];
  const server = await madeUpServer(made.base, (path, body, response) => {
    bodies.push(body);
    return fault?.(path, body, response) ?? false;
  });
  closing.push(server.close);
  const links = join(folder, 'served');
  const models = new ServedModels(new TransformersServe({ url: server.url, links }), { retryDelay: 1 });
  return { models, server, bodies, links };
}

test('a checkpoint that is overwritten has another path', async () => {
  const { models, server, links } = await served();
  const place = await made.whole('M1-SFT', 0.5);
  const before = await models.open('M1-SFT', place);
  const [one] = (await ask(before)).split(' ');
  await made.whole('M1-SFT', 0.25);
  const after = await models.open('M1-SFT', place);
  const [other] = (await ask(after)).split(' ');
  expect(before.revision).not.toBe(after.revision);
  expect(one).not.toBe(other);
  for (const path of [one, other] as string[]) {
    expect(path.startsWith(join(links, 'M1-SFT-'))).toBe(true);
    expect(readlinkSync(path)).toBe(place);
  }
  const loads = server.calls.filter((call) => call.includes('load_model'));
  expect(loads).toEqual([`POST /load_model ${one}`, `POST /load_model ${other}`]);
});

test('is sampled as the config says, not as its generation_config.json', async () => {
  const { models, bodies } = await served();
  const model = await models.open('M0', made.base);
  await ask(model);
  const { generation_config } = bodies.find((body) => 'prompt' in body) as { generation_config: string };
  const own = JSON.parse(readFileSync(join(made.base, 'generation_config.json'), 'utf8')) as object;
  expect(JSON.parse(generation_config)).toEqual({
    ...own,
    do_sample: true,
    top_k: 0,
    top_p: 1,
    repetition_penalty: 1,
  });
  expect(model.logprobs).toBe(false);
});

test('one that it does not load is told by its words, and one that it does not list by its name', async () => {
  const event =
    (text: string): Fault =>
    (path, _, response) => {
      if (path !== '/load_model') return false;
      response.end(`data: {"status": "loading"}\n\ndata: ${text}\n\n`);
      return true;
    };
  const failing = await served(event('{"status": "error", "message": "no such architecture"}'));
  await expect(ask(await failing.models.open('M0', made.base))).rejects.toMatchObject({
    code: 'model',
    message: expect.stringContaining('no such architecture'),
  });
  const pinned = await served(event('{"status": "ready"}'));
  await expect(ask(await pinned.models.open('M0', made.base))).rejects.toMatchObject({
    message: expect.stringMatching(/said that it loaded .*M0-\w+, and serves m0/),
  });
});
