import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeFolder } from './files.ts';

it('makes a folder and those above it, and leaves one alone that is there', () => {
  const top = mkdtempSync(join(tmpdir(), 'folder-'));
  makeFolder(join(top, 'a', 'b', 'c'));
  makeFolder(join(top, 'a', 'b'));
  expect(existsSync(join(top, 'a', 'b', 'c'))).toBe(true);
  rmSync(top, { recursive: true });
});

/** What makes a folder where a user says: its code, and the error it ends with. */
const MAKERS = {
  makeFolder: [`(await import('./files.ts')).makeFolder('/proc/x/y')`, 'ENOENT'],
  openStore: [`(await import('./store/ledger.ts')).openStore('/proc/x/run.db', { config: {} })`, 'disk'],
  writeModelFolder: [
    `await (await import('./engine/model-folder.ts')).writeModelFolder('/proc/x/y',
      { texts: {}, extraFiles: {}, weights: 'w', tensors: { shapes: [] } })`,
    'disk',
  ],
} as const;

// Each in a process of its own: what never returns takes no test's time limit into account.
it.skipIf(!existsSync('/proc')).each(Object.entries(MAKERS))(
  '%s ends with an error where no folder can be made',
  (_, [code, expected]) => {
    const script = `try { ${code} } catch (error) { console.log(error.code ?? error.kind) }`;
    const { stdout, error } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: import.meta.dirname,
      encoding: 'utf8',
      timeout: 20_000,
    });
    expect(error).toBeUndefined();
    expect(stdout.trim()).toBe(expected);
  },
  30_000,
);
