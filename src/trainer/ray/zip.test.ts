import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageOf, zip } from './zip.ts';

const FILES = { 'c.py': '', 'a/b.py': 'x = 1\n', 'ü.py': 'print("ü")\n' };

test("a zip has the bytes of Python's zipfile", () => {
  const bytes = zip(new Map(Object.entries(FILES).map(([name, text]) => [name, Buffer.from(text)])));
  // zipfile.ZipFile of Python 3.11, stored, in the order of names; ZipInfo(name, (1980, 1, 1, 0, 0, 0)) with mode 100644.
  expect(createHash('sha256').update(bytes).digest('hex')).toBe(
    'd6da2c877d00bc732a493a0554eb7e3eabbb3921411e1aefa9603e8f5a06050f',
  );
});

test('a package is named by its code, and holds nothing else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'evalplanner-zip-'));
  await mkdir(join(folder, 'a'));
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(folder, name), text);
  const first = packageOf(folder);
  for (const other of ['tests', '__pycache__', '.cache']) {
    await mkdir(join(folder, 'a', other));
    await writeFile(join(folder, 'a', other, 'b.pyc'), 'compiled');
  }
  expect(packageOf(folder)).toEqual(first);
  expect(first.name).toMatch(/^_ray_pkg_[\w]+\.zip$/);
  expect(first.bytes).toEqual(zip(new Map(Object.entries(FILES).map(([n, text]) => [n, Buffer.from(text)]))));
  await writeFile(join(folder, 'c.py'), 'pass');
  expect(packageOf(folder).name).not.toBe(first.name);
  await rm(folder, { recursive: true });
});
