import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { killedBuilds } from '../../bench/data/kills.ts';

let folder = '';
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('a build of training rows that is killed again and again ends with the same bytes', async () => {
  folder = mkdtempSync(join(tmpdir(), 'evalplanner-kills-'));
  const { killed, identical, torn } = await killedBuilds(folder, 600, 6);
  expect(killed.storing).toBeGreaterThan(0);
  expect(killed.building).toBeGreaterThan(0);
  expect(torn).toBe(0);
  expect(identical).toBe(true);
});
