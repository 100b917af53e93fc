import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Report, readStore, runIn } from '../../src/index.ts';
import { Server } from '../../src/model/served/server.ts';
import { SMALL, type Stack, startStack, told } from './stack.ts';

const [vllm, ray] = [inject('vllm'), inject('ray')];

describe.skipIf(vllm === null || ray === null)('the playground on vLLM, TRL and Ray', () => {
  let folder: string;
  let stack: Stack;
  let report: Report;
  const judges = ['M1-SFT', 'M1-DPO', 'M2-DPO'];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'evalplanner-stack-'));
    stack = await startStack(folder, vllm as string, ray as string);
    console.log(`vLLM answers after ${Math.round(stack.vllm.took / 1000)} s`);
    report = (await runIn(join(folder, 'run'), { ...SMALL, ...stack.config }, { onEvent: told })) as Report;
  }, 1_800_000);
  afterAll(async () => {
    await stack?.close();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  it('trains by TRL and by Ray, and is better than it was', () => {
    expect(stack.trained).toEqual(['sft by TRL', 'dpo by Ray', 'dpo by Ray']);
    const accuracy = (judge: string) => {
      const all = Object.values(report.stages.find(({ name }) => name === judge)?.sets ?? {});
      return all.reduce((sum, set) => sum + set.accuracy, 0) / all.length;
    };
    console.log(['M0', ...judges].map((judge) => `${judge} ${accuracy(judge).toFixed(3)}`).join(', '));
    expect(accuracy('M2-DPO')).toBeGreaterThan(accuracy('M0'));
  });

  it('has every answer of a judge from the adapter of its own weights', async () => {
    const log = await readFile(join(folder, 'vllm.log'), 'utf8');
    for (const judge of judges)
      expect(log).toMatch(new RegExp(`Loaded new LoRA adapter: name '${judge}-[0-9a-f]{16}'`));
    // None stays behind.
    expect((await new Server(stack.vllm.url, {}).models()).map(({ id }) => id)).toEqual([stack.model]);
  });

  it('writes the rows that the embedded run writes of the same thoughts', async () => {
    const [theirs, own] = [join(folder, 'run'), join(folder, 'embedded')];
    await cp(theirs, own, { recursive: true });
    await rm(join(own, 'data'), { recursive: true });
    await runIn(own, { ...SMALL, models: { judge: stack.model } });
    const names = (await readdir(join(theirs, 'data'))).sort();
    expect(names).toEqual(['dpo-1.jsonl', 'dpo-2.jsonl', 'sft-1.jsonl']);
    for (const name of names)
      expect(await readFile(join(own, 'data', name), 'utf8')).toBe(
        await readFile(join(theirs, 'data', name), 'utf8'),
      );
    using before = readStore(join(theirs, 'run.db'));
    using after = readStore(join(own, 'run.db'));
    expect(after.counts().thoughts).toEqual(before.counts().thoughts);
  });

  it('ends all that it started', async () => {
    await stack.close();
    expect(stack.vllm.server.code).not.toBeNull();
    expect(stack.head.processes()).toEqual([]);
    await expect(new Server(stack.vllm.url, {}).models()).rejects.toMatchObject({ code: 'model' });
  });
});
