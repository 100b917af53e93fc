import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type GenerateRequest, type Generation, type Model, userPrompt } from '../model.ts';
import { SEED_FOLDER } from '../package.ts';
import { LETTER } from '../thoughts/letter.ts';
import { vllm } from './vllm.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** An interpreter with vLLM; null where there is none. */
    vllm: string | null;
  }
}

/** The seed model on two replicas of vLLM, each on the processor: what a made-up server holds of it is true of the real one. */
const python = process.env.EVALPLANNER_VLLM ?? inject('vllm') ?? null;
const NAME = 'seed';
const PROMPT = 'Instruction: Count down from 9 to 5. <a> 9 8 7 6 5 <b> 9 8 7 6 <plan>';

interface Replica {
  readonly url: string;
  readonly log: string;
  readonly child: ChildProcess;
}

async function start(python: string, folder: string, core: number): Promise<Replica> {
  const port = await freePort();
  const log = join(folder, `${port}.log`);
  const file = openSync(log, 'w');
  const args = ['--host', '127.0.0.1', '--port', `${port}`, '--served-model-name', NAME];
  const child = spawn(
    python,
    [
      ...['-m', 'vllm.entrypoints.cli.main', 'serve', join(SEED_FOLDER, 'model'), ...args],
      // What is compiled pays after longer than this takes.
      ...['--dtype', 'float32', '--max-model-len', '256', '--enforce-eager'],
    ],
    {
      env: {
        ...process.env,
        VLLM_CPU_KVCACHE_SPACE: '1',
        VLLM_CPU_OMP_THREADS_BIND: `${core}`,
        VLLM_NO_USAGE_STATS: '1',
        HF_HUB_OFFLINE: '1',
      },
      stdio: ['ignore', file, file],
      detached: true,
    },
  );
  return { url: `http://127.0.0.1:${port}`, log, child };
}

async function well({ url, log, child }: Replica): Promise<void> {
  for (;;) {
    if (child.exitCode !== null)
      throw new Error(`vLLM has ended:\n${readFileSync(log, 'utf8').slice(-2000)}`);
    const answer = await fetch(`${url}/health`).catch(() => null);
    if (answer?.ok) return;
    await sleep(500);
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const request = (index: number, changes: Partial<GenerateRequest> = {}): GenerateRequest => ({
  key: `key ${index}`,
  prompt: userPrompt(PROMPT),
  maxTokens: 40,
  temperature: 1,
  topP: 0.95,
  seed: index,
  ...changes,
});

async function all(model: Model, asked: Iterable<GenerateRequest>, hear = (_: Generation) => {}) {
  const found: Generation[] = [];
  for await (const generation of model.generate(asked)) {
    hear(generation);
    found.push(generation);
  }
  return found;
}

describe.skipIf(python === null)('vLLM on this processor', () => {
  let folder: string;
  let replicas: Replica[];
  let model: Model;
  const notes: string[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'evalplanner-vllm-'));
    replicas = [await start(python as string, folder, 0), await start(python as string, folder, 1)];
    await Promise.all(replicas.map(well));
    const baseURL = replicas.map(({ url }) => url);
    model = vllm({ baseURL, model: NAME, api: 'completions', notice: (note) => notes.push(note) });
  });
  afterAll(async () => {
    await model?.close();
    for (const { child } of replicas ?? []) {
      try {
        process.kill(-(child.pid as number), 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
    rmSync(folder, { recursive: true, force: true });
  });

  test('goes on from a beginning as from a text', async () => {
    const greedy = { temperature: 0, topP: 1 };
    const [begun] = await all(model, [
      request(0, { ...greedy, prompt: userPrompt(PROMPT, ' Check it goes') }),
    ]);
    const [whole] = await all(model, [
      request(0, { ...greedy, prompt: userPrompt(`${PROMPT} Check it goes`) }),
    ]);
    expect(begun).toMatchObject({ text: whole?.text, finishReason: 'stop' });
  });

  test('is held to the choices of a letter, whose log-probabilities are those of the two', async () => {
    const { sampling, ...letter } = LETTER;
    const [found] = await all(model, [request(0, { ...sampling, ...letter })]);
    expect(['A', 'B']).toContain(found?.text);
    const top = new Map(found?.logprobs?.[0]?.top.map(({ token, logprob }) => [token, Math.exp(logprob)]));
    expect((top.get('A') ?? 0) + (top.get('B') ?? 0)).toBeCloseTo(1, 3);
  });

  test('samples of following seeds are one call, and each is what it is alone', async () => {
    const together = await all(
      model,
      [4, 5, 6, 7].map((seed) => request(seed)),
    );
    for (const { key, text } of together) {
      const [alone] = await all(model, [request(Number(key.slice(4)))]);
      expect(alone?.text).toBe(text);
    }
  });

  test('a name that it does not serve is refused before anything is asked', async () => {
    const baseURL = replicas.map(({ url }) => url);
    const wrong = vllm({ baseURL, model: 'another', api: 'completions' });
    await expect(all(wrong, [request(0)])).rejects.toMatchObject({
      message: expect.stringContaining(`serves ${NAME}, not another`),
    });
    await wrong.close();
  });

  test('an engine that is killed in the middle of a batch takes no request with it', async () => {
    const [one] = replicas as [Replica];
    const children = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', `${one.child.pid}`]).toString();
    const engine = /^\s*(\d+) .*EngineCore/m.exec(children)?.[1];
    let count = 0;
    const asked = Array.from({ length: 400 }, (_, i) => request(100 * i));
    const found = await all(model, asked, () => {
      if (++count === 50) process.kill(Number(engine), 'SIGKILL');
    });
    expect(new Set(found.map(({ key }) => key)).size).toBe(400);
    expect(found.filter(({ finishReason }) => finishReason === 'error')).toEqual([]);
    expect(notes).toEqual([]);
  });
});
