import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  CONFIG,
  ledgerRows,
  type MadeUp,
  type MadeUpOptions,
  madeUpRun,
} from './pipeline/made-up-run.contract.ts';
import { run, stagesOf } from './pipeline.ts';
import { openStore } from './store/ledger.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'evalplanner-pipeline-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

async function once(
  name: string,
  options: MadeUpOptions = {},
): Promise<MadeUp & { readonly error?: unknown }> {
  using store = openStore(join(root, name, 'run.db'), { config: { seed: CONFIG.seed } });
  const made = madeUpRun(store, join(root, name), options);
  try {
    await run(CONFIG, made.ports, made.options);
    return made;
  } catch (error) {
    return { ...made, error };
  }
}

const rows = (name: string) => ledgerRows(join(root, name, 'run.db'));

test('the stages come in the order of the paper, controls last, and leave what the next ones need', async () => {
  const { started, trained, error } = await once('a');
  expect(error).toBeUndefined();
  expect(started).toEqual([
    'pairs d1',
    'pairs d2',
    'pairs validation',
    'pairs dev',
    'judge M0',
    'thoughts 1',
    'train M1-SFT',
    'judge M1-SFT',
    'train M1-DPO',
    'judge M1-DPO',
    'thoughts 2',
    'train M2-DPO',
    'judge M2-DPO',
    'train direct',
    'judge direct',
    'thoughts 11',
    'train unplanned-SFT',
    'train unplanned-DPO-1',
    'thoughts 12',
    'train unplanned',
    'judge unplanned',
  ]);
  expect(trained).toHaveLength(7);
  using store = openStore(join(root, 'a', 'run.db'), { config: { seed: CONFIG.seed } });
  const { pairs, plans, thoughts, evaluations } = store.counts();
  expect(pairs.d1).toBeGreaterThan(12);
  expect(pairs.dev).toBe(12);
  const { plans: planCount, executions } = CONFIG.thoughts;
  expect(plans[1]).toBe((pairs.d1 ?? 0) * planCount);
  expect(thoughts[1]?.total).toBe((pairs.d1 ?? 0) * planCount * 2 * executions);
  expect(thoughts[11]?.total).toBe(thoughts[1]?.total);
  expect(evaluations['M2-DPO']).toBe(24);
  // Rounds after the first continue the judge prompt of the model that was trained.
  expect([...store.plans({ round: 2 })].length).toBe((pairs.d2 ?? 0) * planCount);
  expect(stagesOf(CONFIG).map(({ name }) => name)).toEqual(started);
  expect(store.stages().map(({ name, status }) => `${name} ${status}`)).toEqual(
    started.map((name) => `${name} done`),
  );
});

test('a finished run asks for nothing, trains nothing and stays as it is', async () => {
  await once('a');
  const before = rows('a');
  const again = await once('a');
  expect(again.asked).toEqual([]);
  expect(again.started).toEqual([]);
  expect(again.trained).toEqual([]);
  expect(rows('a')).toEqual(before);
});

test('a checkpoint that is gone is chosen again from those of its steps; where they are gone too they are trained again', async () => {
  await once('a');
  const before = rows('a');
  const path = (...names: string[]) => join(root, 'a', 'checkpoints', ...names);
  const weights = readFileSync(path('M1-DPO', 'weights'), 'utf8');
  rmSync(path('M1-DPO'), { recursive: true });
  const again = await once('a');
  expect(again).toMatchObject({ asked: [], trained: [], started: ['train M1-DPO'] });
  expect(readFileSync(path('M1-DPO', 'weights'), 'utf8')).toBe(weights);
  expect(rows('a')).toEqual(before);
  rmSync(path('M1-DPO'), { recursive: true });
  rmSync(path('steps', 'M1-DPO'), { recursive: true });
  rmSync(path('steps', 'M1-DPO.state'));
  expect((await once('a')).trained).toEqual(['M1-DPO from 0']);
  expect(readFileSync(path('M1-DPO', 'weights'), 'utf8')).toBe(weights);
});

test('a run that is stopped again and again ends with the rows of one that never was', async () => {
  await once('whole');
  const whole = rows('whole');
  const stored = new Set<string>();
  let stops = 0;
  for (let budget = 37; ; budget += 61) {
    let left = budget;
    const controller = new AbortController();
    const reason = new Error('enough');
    const { asked, error } = await once('parts', {
      signal: controller.signal,
      onUnit: () => {
        if (--left <= 0) controller.abort(reason);
      },
    });
    // Nothing that was stored is asked for again.
    expect(asked.filter((key) => stored.has(key))).toEqual([]);
    for (const line of rows('parts').generations ?? []) stored.add(JSON.parse(line).key);
    if (error === undefined) break;
    expect(error).toBe(reason);
    stops++;
  }
  expect(stops).toBeGreaterThan(5);
  expect(rows('parts')).toEqual(whole);
});

test('who looks on hears how each stage goes: begun, how far it is, done or failed', async () => {
  const crash = new Error('the power went');
  const heard: string[] = [];
  using store = openStore(join(root, 'heard', 'run.db'), { config: {} });
  const made = madeUpRun(store, join(root, 'heard'), {
    onUnit(stage) {
      if (stage === 'thoughts 1') throw crash;
    },
  });
  const onEvent: typeof made.options.onEvent = (event) => {
    made.options.onEvent?.(event);
    if (event.type === 'stage') heard.push(`${event.stage.name} ${event.stage.status}`);
  };
  await expect(run(CONFIG, made.ports, { onEvent })).rejects.toBe(crash);
  const told = heard.filter((line, i) => line !== heard[i - 1]);
  expect(told.slice(0, 2)).toEqual(['pairs d1 running', 'pairs d1 done']);
  expect(told.slice(-2)).toEqual(['thoughts 1 running', 'thoughts 1 failed']);
  expect(store.stage('thoughts 1')).toMatchObject({ status: 'failed', message: 'the power went' });
});

test('a run that dies inside a training continues it; one that dies while its checkpoints are judged trains no more', async () => {
  const crash = new Error('the power went');
  const dieAt = (unit: number) => {
    let units = 0;
    return (stage: string | undefined) => {
      if (stage === 'train M1-SFT' && ++units === unit) throw crash;
    };
  };
  const begun = await once('a', { onUnit: dieAt(3) });
  expect(begun.error).toBe(crash);
  expect(begun.trained).toEqual(['M1-SFT from 0']);
  const judging = await once('a', { onUnit: dieAt(12) });
  expect(judging.error).toBe(crash);
  expect(judging.trained).toEqual(['M1-SFT from 2']);
  expect((await once('a')).trained[0]).toMatch(/^M1-DPO/);
  await once('whole');
  expect(rows('a')).toEqual(rows('whole'));
});
