import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Place } from './kill-child.contract.ts';
import { ledgerRows } from './made-up-run.contract.ts';

/** Runs in processes of their own that die at written-down places. */

const CHILD = fileURLToPath(new URL('kill-child.contract.ts', import.meta.url));

/** In the order of the run. */
const PLACES: readonly Place[] = [
  { stage: 'pairs d1', at: 'unit', n: 1 },
  { stage: 'pairs d1', at: 'before', put: 'putGenerations', n: 2 },
  { stage: 'pairs d1', at: 'after', put: 'putGenerations', n: 2 },
  { stage: 'pairs d2', at: 'before', put: 'putPairs', n: 1 },
  { stage: 'pairs d2', at: 'after', put: 'putPairs', n: 2 },
  { stage: 'pairs d2', at: 'before', put: 'finishStage', n: 1 },
  { stage: 'pairs d2', at: 'after', put: 'finishStage', n: 1 },
  { stage: 'judge M0', at: 'unit', n: 7 },
  { stage: 'judge M0', at: 'before', put: 'putEvaluations', n: 1 },
  { stage: 'judge M0', at: 'after', put: 'putEvaluations', n: 1 },
  { stage: 'thoughts 1', at: 'unit', n: 20 },
  { stage: 'thoughts 1', at: 'after', put: 'putGenerations', n: 3 },
  // Its plans are there, and their thoughts are not.
  { stage: 'thoughts 1', at: 'before', put: 'putThoughts', n: 1 },
  { stage: 'train M1-SFT', at: 'rename', of: '.jsonl', n: 1 },
  { stage: 'train M1-SFT', at: 'unit', n: 1 },
  { stage: 'train M1-SFT', at: 'after', put: 'putSteps', n: 2 },
  // Trained, and not yet chosen.
  { stage: 'train M1-DPO', at: 'before', put: 'putGenerations', n: 1 },
  { stage: 'train M1-DPO', at: 'after', put: 'putEvaluations', n: 2 },
  { stage: 'train M1-DPO', at: 'rename', of: '/M1-DPO', n: 1 },
  { stage: 'train M1-DPO', at: 'rename', of: 'evalplanner.json', n: 1 },
  { stage: 'thoughts 2', at: 'after', put: 'putThoughts', n: 1 },
  { stage: 'thoughts 2', at: 'before', put: 'finishStage', n: 1 },
  { stage: 'train M2-DPO', at: 'before', put: 'finishStage', n: 1 },
  { stage: 'train M2-DPO', at: 'after', put: 'finishStage', n: 1 },
  { stage: 'judge M2-DPO', at: 'after', put: 'putGenerations', n: 1 },
  { stage: 'judge M2-DPO', at: 'before', put: 'finishStage', n: 1 },
  { stage: 'judge M2-DPO', at: 'after', put: 'finishStage', n: 1 },
];

let root: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'evalplanner-kills-'));
  expect(await child('whole', null)).toBe(0);
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function child(name: string, place: Place | null): Promise<number | NodeJS.Signals> {
  const process_ = spawn(process.execPath, [CHILD, join(root, name), JSON.stringify(place)], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const [code, signal] = (await once(process_, 'close')) as [number | null, NodeJS.Signals | null];
  return signal ?? (code as number);
}

const rows = (name: string) => ledgerRows(join(root, name, 'run.db'));

test.each(PLACES.map((place) => [JSON.stringify(place), place] as const))(
  'a run that is killed at %s ends as one that was left alone',
  async (name, place) => {
    const folder = String(PLACES.indexOf(place));
    expect(await child(folder, place), name).toBe('SIGKILL');
    const kept = rows(folder);
    expect(await child(folder, null)).toBe(0);
    const ended = rows(folder);
    expect(ended).toEqual(rows('whole'));
    expect((kept.generations ?? []).filter((row) => !ended.generations?.includes(row))).toEqual([]);
    expect(existsSync(join(root, folder, 'checkpoints', 'M2-DPO', 'weights'))).toBe(true);
  },
);

test('a run that is killed again and again ends so too', async () => {
  // What is left of a stage may be too little for a second batch.
  const first = PLACES.filter(({ n }) => n === 1);
  for (const place of first) expect(await child('all', place), JSON.stringify(place)).toBe('SIGKILL');
  expect(await child('all', null)).toBe(0);
  expect(rows('all')).toEqual(rows('whole'));
});
