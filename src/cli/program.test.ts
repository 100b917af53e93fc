import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test, vi } from 'vitest';
import { run } from './program.ts';

const SRC = resolve(import.meta.dirname, '..');

async function help(): Promise<string> {
  const written = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  try {
    expect(await run(['--help'])).toBe(0);
    return written.mock.calls.join('');
  } finally {
    written.mockRestore();
  }
}

test('every command that a text of ours names is one of the program', async () => {
  const list = (await help()).split('Commands:\n')[1]?.split('\n\n')[0] as string;
  const commands = new Set([...list.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name));
  const named = globSync('**/*.ts', { cwd: SRC }).flatMap((file) =>
    [...readFileSync(resolve(SRC, file), 'utf8').matchAll(/(?:`|\$ |e\.g\. )evalplanner ([a-z][\w-]*)/g)].map(
      ([, name]) => ({ file, name }),
    ),
  );
  expect(named.length).toBeGreaterThan(50);
  expect(named.filter(({ name }) => !commands.has(name))).toEqual([]);
});
