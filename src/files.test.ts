import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyFolder, makeFolder, writeLinesAtomically } from './files.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'files-'));
});
afterEach(() => rmSync(root, { recursive: true }));

describe('writeLinesAtomically', () => {
  const path = () => join(root, 'rows.jsonl');
  const read = () =>
    readFileSync(path(), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));

  it('writes what comes, more than is written together, and counts it', async () => {
    const lines = Array.from({ length: 3000 }, (_, i) => ({ i, text: `é\n${'x'.repeat(1000)}` }));
    expect(await writeLinesAtomically(path(), lines)).toBe(3000);
    expect(read()).toEqual(lines);
    const later = async function* () {
      yield { a: 1 };
      yield { a: 2 };
    };
    expect(await writeLinesAtomically(path(), later())).toBe(2);
    expect(read()).toEqual([{ a: 1 }, { a: 2 }]);
    expect(await writeLinesAtomically(path(), [])).toBe(0);
    expect(readFileSync(path(), 'utf8')).toBe('');
  });

  it('leaves what was there where the lines fail', async () => {
    await writeLinesAtomically(path(), [{ a: 1 }]);
    const failing = function* () {
      for (let i = 0; i < 5000; i++) yield { i, text: 'x'.repeat(1000) };
      throw new Error('no more');
    };
    await expect(writeLinesAtomically(path(), failing())).rejects.toThrow('no more');
    expect(read()).toEqual([{ a: 1 }]);
    expect(readdirSync(root)).toEqual(['rows.jsonl']);
  });
});

describe('copyFolder', () => {
  const make = (name: string, files: Readonly<Record<string, string>>) => {
    for (const [file, content] of Object.entries(files)) {
      makeFolder(dirname(join(root, name, file)));
      writeFileSync(join(root, name, file), content);
    }
  };
  const files = (name: string) =>
    Object.fromEntries(
      readdirSync(join(root, name), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => [
          relative(join(root, name), join(entry.parentPath, entry.name)),
          readFileSync(join(entry.parentPath, entry.name), 'utf8'),
        ]),
    );

  it('copies all there is, below folders that are not there yet', async () => {
    make('from', { 'config.json': '{}', 'deep/er/weights': 'w' });
    writeFileSync(join(root, 'blob'), 'shared');
    symlinkSync(join('..', 'blob'), join(root, 'from', 'link'));
    await copyFolder(join(root, 'from'), join(root, 'a', 'b', 'to'));
    rmSync(join(root, 'blob'));
    expect(files('a/b/to')).toEqual({ 'config.json': '{}', 'deep/er/weights': 'w', link: 'shared' });
    expect(readdirSync(join(root, 'a', 'b'))).toEqual(['to']);
  });

  it('puts a file into a folder of its own', async () => {
    make('from', { 'm.gguf': 'g' });
    await copyFolder(join(root, 'from', 'm.gguf'), join(root, 'to'));
    expect(files('to')).toEqual({ 'm.gguf': 'g' });
  });

  it('replaces what has the name, all of it, and only when the copy is whole', async () => {
    make('from', { new: '1' });
    make('to', { old: '0', both: '0' });
    await expect(copyFolder(join(root, 'nowhere'), join(root, 'to'))).rejects.toThrow('ENOENT');
    expect(files('to')).toEqual({ old: '0', both: '0' });
    expect(readdirSync(root).sort()).toEqual(['from', 'to']);
    await copyFolder(join(root, 'from'), join(root, 'to'));
    expect(files('to')).toEqual({ new: '1' });
    await copyFolder(join(root, 'to'), join(root, 'to'));
    expect(files('to')).toEqual({ new: '1' });
  });

  it('clears what killed copies left', async () => {
    make('from', { new: '1' });
    make('.to.draft-1', { half: '' });
    make('.to.previous', { old: '0' });
    mkdirSync(join(root, '.to2.draft-1'));
    await copyFolder(join(root, 'from'), join(root, 'to'));
    expect(readdirSync(root).sort()).toEqual(['.to2.draft-1', 'from', 'to']);
    expect(files('to')).toEqual({ new: '1' });
  });
});

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
      timeout: 100_000,
    });
    expect(error).toBeUndefined();
    expect(stdout.trim()).toBe(expected);
  },
);
