import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

test("a judge of one's own is trained on an array of pairs, and judges", async () => {
  const folder = mkdtempSync(join(tmpdir(), 'evalplanner-own-judge-'));
  try {
    const file = join(import.meta.dirname, 'own-judge.ts');
    const { stdout } = await promisify(execFile)(process.execPath, [file, join(folder, 'run')]);
    const [, before, after] = /^M0 (0\.\d+)\nM1-SFT (0\.\d+)\n\{ winner: .+ \}\n$/.exec(stdout) ?? [];
    expect(Number(after)).toBeGreaterThan(Number(before));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
