import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { wasmModule, wasmPath, watPaths } from './wat.ts';

it.each(watPaths())('%s is what its compiled module holds', async (path) => {
  expect(readFileSync(wasmPath(path), 'utf8')).toBe(await wasmModule(path));
});
