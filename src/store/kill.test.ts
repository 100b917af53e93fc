import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openStore } from './ledger.ts';

// A process that stores batches of 50 for ever and reports each one only after `put` has returned.
const WRITER = `
  const { openStore } = await import(${JSON.stringify(new URL('./ledger.ts', import.meta.url).href)});
  const store = openStore(process.argv[1], { config: { seed: 1 } });
  for (let batch = Number(process.argv[2]); ; batch++) {
    store.putGenerations(Array.from({ length: 50 }, (_, i) => ({
      key: batch + '/' + i, text: 'x'.repeat(200), finishReason: 'stop', promptTokens: 1, completionTokens: 1 })));
    process.stdout.write(batch + '\\n');
  }`;

let folder: string;
let child: ChildProcess | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'evalplanner-kill-'));
});
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

test('a SIGKILL loses nothing that was reported as stored, leaves no half batch and no lock', async () => {
  const path = join(folder, 'run.db');
  let next = 0;
  for (let round = 1; round <= 3; round++) {
    const writer = spawn(process.execPath, ['--input-type=module', '--eval', WRITER, path, String(next)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child = writer;
    let reported = next - 1;
    let refused: unknown;
    for await (const line of createInterface({ input: writer.stdout })) {
      reported = Number(line);
      if (reported === next + 5 * round) {
        try {
          openStore(path, { config: { seed: 1 } }).close();
        } catch (error) {
          refused = error;
        }
        writer.kill('SIGKILL');
      }
    }
    expect(refused).toMatchObject({
      code: 'run',
      message: expect.stringContaining(`Process ${writer.pid} on `),
    });
    expect(reported).toBeGreaterThanOrEqual(next + 5 * round);

    using store = openStore(path, { config: { seed: 1 } });
    const total = store.counts().generations.stop;
    expect(total % 50).toBe(0);
    expect(total).toBeGreaterThanOrEqual((reported + 1) * 50);
    const keys = Array.from({ length: (reported + 1) * 50 }, (_, i) => `${Math.floor(i / 50)}/${i % 50}`);
    expect([...store.missing(keys)]).toEqual([]);
    next = total / 50;
  }
});
