import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { type Condition, MadeUpVllm, type MadeUpVllmOptions } from '../../bench/servers/vllm.ts';
import { type GenerateRequest, type Generation, type Model, userPrompt } from '../model.ts';
import { modelContract } from './model.contract.ts';
import { type VllmOptions, vllm } from './vllm.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Looks often, so that a test takes no longer than its faults; not so often that a machine which is busy elsewhere looks ill. */
const QUICK = { watch: { interval: 400, stall: 1000 } } as const;

async function replicas(count: number, options: MadeUpVllmOptions = {}): Promise<MadeUpVllm[]> {
  const started = await Promise.all(Array.from({ length: count }, () => MadeUpVllm.start(options)));
  closing.push(() => Promise.all(started.map((replica) => replica.close())));
  return started;
}

function open(places: readonly MadeUpVllm[], options: Partial<VllmOptions> = {}): Model {
  const model = vllm({ baseURL: places.map(({ url }) => url), model: 'm', retryDelay: 5, ...options });
  closing.push(() => model.close());
  return model;
}

const request = (index: number, changes: Partial<GenerateRequest> = {}): GenerateRequest => ({
  key: `key ${index}`,
  prompt: userPrompt(`prompt ${index}`),
  maxTokens: 50,
  temperature: 0.7,
  topP: 0.9,
  seed: 10 * index,
  ...changes,
});
const requests = (count: number) => Array.from({ length: count }, (_, index) => request(index));

async function all(model: Model, asked: Iterable<GenerateRequest>, hear = (_: Generation) => {}) {
  const found: Generation[] = [];
  for await (const generation of model.generate(asked)) {
    hear(generation);
    found.push(generation);
  }
  return found;
}

function whole(found: readonly Generation[], count: number): void {
  expect(found.map(({ key }) => key).sort()).toEqual(
    requests(count)
      .map(({ key }) => key)
      .sort(),
  );
  expect(found.filter(({ finishReason }) => finishReason !== 'stop')).toEqual([]);
}

modelContract('vllm', async () => {
  const [one, two] = [await MadeUpVllm.start(), await MadeUpVllm.start()];
  const model = vllm({ baseURL: [one.url, two.url], model: 'm' });
  return {
    model,
    prompt: (index) => `prompt ${index}`,
    close: async () => {
      await model.close();
      await Promise.all([one.close(), two.close()]);
    },
  };
});

describe('what is sent', () => {
  test('a beginning of the answer, its choices, several at a time, and no seed where there is to be none', async () => {
    const [replica] = (await replicas(1)) as [MadeUpVllm];
    const prompt = userPrompt('say it', 'Verdict: [[');
    const letter = { prompt, choices: ['A', 'B'], logprobs: 20, maxTokens: 1, temperature: 0 };
    const model = open([replica], { seeds: false });
    await all(model, [request(0, letter)]);
    expect(replica.asked[0]).toEqual({
      model: 'm',
      messages: [
        { role: 'user', content: 'say it' },
        { role: 'assistant', content: 'Verdict: [[' },
      ],
      add_generation_prompt: false,
      continue_final_message: true,
      max_tokens: 1,
      temperature: 0,
      top_p: 0.9,
      logprobs: true,
      top_logprobs: 20,
      structured_outputs: { choice: ['A', 'B'] },
    });
    const same = { prompt: userPrompt('x') };
    await all(open([replica]), [request(1, { ...same, seed: 4 }), request(2, { ...same, seed: 5 })]);
    expect(replica.asked[1]).toMatchObject({ n: 2, seed: 4 });
  });

  test('an answer that is none of its choices is told of once, and kept', async () => {
    const notes: string[] = [];
    const letter = { choices: ['A', 'B'], maxTokens: 1, temperature: 0 };
    const asked = [request(0, letter), request(1, letter)];
    const heeding = open(await replicas(1), { notice: (note) => notes.push(note) });
    for (const { text } of await all(heeding, asked)) expect(['A', 'B']).toContain(text);
    expect(notes).toEqual([]);
    const older = open(await replicas(1, { ignoresChoices: true }), { notice: (note) => notes.push(note) });
    whole(await all(older, asked), 2);
    expect(notes).toEqual([expect.stringContaining('does not heed structured_outputs')]);
  });

  test('a revision does not tell replicas apart, which come and go', async () => {
    const [one, two] = (await replicas(2)) as [MadeUpVllm, MadeUpVllm];
    expect(open([one]).revision).toBe(open([one, two]).revision);
    expect(open([one], { model: 'n' }).revision).not.toBe(open([one]).revision);
    expect(open([one], { revision: 'r' }).revision).not.toBe(open([one]).revision);
    expect(open([one], { api: 'completions' }).revision).not.toBe(open([one]).revision);
  });
});

describe('what is served', () => {
  test('is asked before the first request: a name that is not there is refused with what is', async () => {
    const places = await replicas(2, { served: ['base', 'round-2'] });
    await expect(all(open(places), requests(5))).rejects.toMatchObject({
      code: 'model',
      message: expect.stringMatching(/serves base, round-2, not m$/),
      remedy: expect.stringContaining('name what it serves'),
    });
    expect(places.flatMap(({ asked }) => asked)).toEqual([]);
    whole(await all(open(places, { model: 'round-2' }), requests(5)), 5);
  });

  test('elsewhere is not asked, and the others go on', async () => {
    const [right, wrong] = (await replicas(2)) as [MadeUpVllm, MadeUpVllm];
    wrong.served = ['something else'];
    whole(await all(open([wrong, right]), requests(40)), 40);
    expect(wrong.asked).toEqual([]);
  });

  test('by a replica that was started again is asked again', async () => {
    const [one, two] = (await replicas(2)) as [MadeUpVllm, MadeUpVllm];
    const model = open([one, two], { ...QUICK, maxConcurrency: 4 });
    let count = 0;
    const found = await all(model, requests(300), () => {
      if (++count === 20) one.become('down');
      if (count !== 60) return;
      one.served = ['base'];
      one.become('well');
    });
    whole(found, 300);
    // What came after it was down was for its old name, if anything.
    expect(one.answered.length).toBeLessThan(100);
    expect(one.asked.every(({ model }) => model === 'm')).toBe(true);
  });

  test('by a router that does not tell, nor how it is, is not known, and it is asked all the same', async () => {
    whole(await all(open(await replicas(1, { bare: true })), requests(20)), 20);
  });
});

describe('a replica that is', () => {
  test.each<[Condition]>([['down'], ['engine dead']])(
    '%s is taken out, its requests go elsewhere once, and it is taken back when it is well',
    async (how) => {
      const [one, two] = (await replicas(2)) as [MadeUpVllm, MadeUpVllm];
      const model = open([one, two], { ...QUICK, initialConcurrency: 8, maxConcurrency: 8 });
      const found: Generation[] = [];
      let answered = 0;
      for await (const generation of model.generate(requests(400))) {
        found.push(generation);
        if (found.length === 50) await one.become(how);
        if (found.length !== 200) continue;
        answered = one.answered.length;
        await one.become('well');
        // Nobody reads what comes meanwhile, so that little more is asked for.
        await sleep(3 * QUICK.watch.interval);
      }
      whole(found, 400);
      // What it had when it ended, and what was sent before that was known.
      expect(one.asked.length + two.asked.length - 400).toBeLessThan(30);
      expect(one.answered.length).toBeGreaterThan(answered);
      // Nobody is answered twice.
      const answers = [...one.answered, ...two.answered].map(({ seed }) => seed);
      expect(new Set(answers).size).toBe(400);
    },
  );

  test.each<[Condition]>([['hangs'], ['engine hangs']])('one that %s loses nothing', async (how) => {
    const [one, two] = (await replicas(2)) as [MadeUpVllm, MadeUpVllm];
    await one.become(how);
    whole(await all(open([one, two], { ...QUICK, maxConcurrency: 8 }), requests(40)), 40);
    expect(one.answered).toEqual([]);
    expect(two.asked).toHaveLength(40);
  });

  test('slow has fewer calls than one that is not', async () => {
    const slow = (await replicas(1, { latency: 60 }))[0] as MadeUpVllm;
    const quick = (await replicas(1, { latency: 6 }))[0] as MadeUpVllm;
    whole(await all(open([slow, quick], { maxConcurrency: 8 }), requests(300)), 300);
    expect(quick.answered.length).toBeGreaterThan(slow.answered.length);
  });
});

test('a request that ends two engines goes to no third, and all others are answered', async () => {
  const places = await replicas(4, { ends: 'prompt 7"' });
  const found = await all(open(places, { ...QUICK, maxConcurrency: 1 }), requests(60));
  const failed = found.filter(({ finishReason }) => finishReason === 'error');
  expect(failed.map(({ key }) => key)).toEqual(['key 7']);
  expect(failed[0]).not.toHaveProperty('permanent');
  expect(failed[0]?.error).toContain('EngineCore');
  expect(places.filter(({ asked }) => asked.some(({ seed }) => seed === 70))).toHaveLength(2);
  expect(found).toHaveLength(60);
});

test('all of them down: what is asked waits, and goes on when they are back', async () => {
  const places = await replicas(2);
  const model = open(places, { ...QUICK, maxConcurrency: 4 });
  let count = 0;
  const found = await all(model, requests(120), () => {
    if (++count !== 30) return;
    for (const replica of places) replica.become('down');
    setTimeout(() => places.map((replica) => replica.become('well')), 300);
  });
  whole(found, 120);
});

test('all of them down for longer than the patience ends the run, and says what to do', async () => {
  const places = await replicas(2);
  const model = open(places, { ...QUICK, maxConcurrency: 4, patience: 200 });
  const found: Generation[] = [];
  const run = all(model, requests(120), (generation) => {
    found.push(generation);
    if (found.length === 30) for (const replica of places) replica.become('down');
  });
  await expect(run).rejects.toMatchObject({
    code: 'model',
    message: expect.stringContaining('cannot be used'),
  });
  expect(found.every(({ finishReason }) => finishReason === 'stop')).toBe(true);
});

test('what ends every engine is given up, however often they are started again', async () => {
  const places = await replicas(2, { ends: 'prompt' });
  const reviving = setInterval(() => places.map((replica) => replica.become('well')), 20);
  closing.push(async () => clearInterval(reviving));
  await expect(all(open(places, QUICK), requests(200))).rejects.toMatchObject({
    code: 'model',
    remedy: expect.stringContaining('log of the server'),
  });
});
