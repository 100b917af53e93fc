import { execFileSync, spawnSync } from 'node:child_process';
import { expect, inject, it } from 'vitest';
import { PYTHON_FOLDER, pythonEnv } from './environment.ts';

const python = inject('python') as string;

/** Of its requirements-dev.txt, which an interpreter of one's own may lack. */
const has = (module: string) =>
  python !== null && spawnSync(python, ['-c', `import ${module}`], { env: pythonEnv() }).status === 0;

const checked = (...command: string[]) =>
  execFileSync(python, ['-m', ...command], { cwd: PYTHON_FOLDER, env: pythonEnv(), encoding: 'utf8' });

it.skipIf(!has('pytest'))('the Python side passes its own tests', () => {
  expect(checked('pytest', '-q', '-p', 'no:cacheprovider')).toMatch(/\d+ passed/);
});

it.skipIf(!has('mypy'))('its types agree', () => {
  expect(checked('mypy', '--cache-dir=/dev/null', 'evalplanner_trainer')).toContain('Success');
});

it.skipIf(!has('ruff'))('it is formatted, and free of what ruff finds', () => {
  expect(checked('ruff', 'check', '--no-cache', '.')).toContain('All checks passed');
  checked('ruff', 'format', '--no-cache', '--check', '.');
});
