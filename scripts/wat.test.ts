import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { wasmModule, wasmPath, watPaths } from './wat.ts';

it.each(watPaths())('%s is what its compiled module holds', async (path) => {
  expect(readFileSync(wasmPath(path), 'utf8')).toBe(await wasmModule(path));
});

it('refuses a module that would fail when it is imported', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wat-'));
  const path = join(folder, 'ill-typed.wat');
  writeFileSync(path, '(module (func (result i32) (f64.const 1)))');
  await expect(wasmModule(path)).rejects.toThrow(/type mismatch/);
  rmSync(folder, { recursive: true });
});
