import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lockFolder } from './lock.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lock-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** A process that has the folder. */
async function holder() {
  const code = `const { lockFolder } = await import('./lock.ts');
    lockFolder(process.argv[1]); console.log('held'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, folder], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

it('is held once, and again when it was released', () => {
  const lock = lockFolder(folder);
  expect(() => lockFolder(folder)).toThrow(
    expect.objectContaining({
      code: 'run',
      message: expect.stringContaining(`process ${process.pid}, since 20`),
    }),
  );
  lock.release();
  lockFolder(folder).release();
  expect(readdirSync(folder)).toEqual([]);
});

it('is refused while another process has it, and taken over from one that was killed', async () => {
  const child = await holder();
  expect(() => lockFolder(folder)).toThrow(`process ${child.pid}`);
  expect(readdirSync(folder)).toHaveLength(1);
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
  expect(readdirSync(folder)).toHaveLength(1);
  lockFolder(folder).release();
  expect(readdirSync(folder)).toEqual([]);
});

it.skipIf(process.platform === 'win32')('a process that got the number of a dead one holds nothing', () => {
  // Of this very process, as if it had begun at another time.
  writeFileSync(join(folder, `lock-${hostname()}-${process.pid}-abc_1`), '');
  lockFolder(folder).release();
  expect(readdirSync(folder)).toEqual([]);
});

it('what another machine holds stays, and how to free it is told', () => {
  const path = join(folder, 'lock-some-where-else-1-abc_1');
  writeFileSync(path, '');
  expect(() => lockFolder(folder)).toThrow(
    expect.objectContaining({
      message: expect.stringContaining('process 1 on some-where-else'),
      remedy: expect.stringContaining(`remove ${path}`),
    }),
  );
  expect(readdirSync(folder)).toEqual(['lock-some-where-else-1-abc_1']);
});
