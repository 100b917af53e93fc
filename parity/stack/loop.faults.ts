import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { startSeed } from './stack.ts';
import type { RunningVllm } from './vllm.ts';

const vllm = inject('vllm');

describe.skipIf(vllm === null)('a run on a real vLLM', () => {
  let folder: string;
  let model: string;
  let server: RunningVllm;
  let count = 0;
  let out: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evalplanner-faults-'));
    model = join(folder, 'M0');
    await cp('seed/model', model, { recursive: true });
    server = await startSeed(folder, model, vllm as string);
  }, 900_000);
  afterAll(async () => {
    await server?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    out = join(folder, `run-${++count}`);
  });

  const started = () =>
    spawn(process.execPath, [join(import.meta.dirname, 'run-child.ts'), out, server.url, model], {
      stdio: 'inherit',
    });
  const ended = async (child: ChildProcess) =>
    (child.exitCode ?? child.signalCode ?? (await once(child, 'exit'))[0]) as unknown;
  /** Texts by their keys; of a ledger that another process writes. */
  const generations = (): Map<string, string> => {
    try {
      using db = new DatabaseSync(join(out, 'run.db'), { readOnly: true });
      const rows = db.prepare('SELECT key, text FROM generations').all() as { key: string; text: string }[];
      return new Map(rows.map(({ key, text }) => [key, text]));
    } catch {
      return new Map();
    }
  };
  const has = async (count: number) => {
    while (generations().size < count) await wait(200);
  };
  const keeps = (before: ReadonlyMap<string, string>) => {
    const after = generations();
    for (const [key, text] of before) expect(after.get(key)).toBe(text);
  };

  it('that is killed goes on, and asks for nothing that it had', async () => {
    const first = started();
    await has(1200);
    first.kill('SIGKILL');
    await ended(first);
    const before = generations();
    expect(await ended(started())).toBe(0);
    keeps(before);
  });

  it('goes on by itself when vLLM is ended in a batch and started again', async () => {
    const run = started();
    await has(1200);
    const before = generations();
    const { port } = new URL(server.url);
    await server.close();
    server = await startSeed(folder, model, vllm as string, Number(port));
    expect(await ended(run)).toBe(0);
    keeps(before);
  });
});
