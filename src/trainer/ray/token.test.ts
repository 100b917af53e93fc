import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readToken } from './token.ts';

test('a token is looked up where Ray does, the named variable alone where there is one', async () => {
  const home = await mkdtemp(join(tmpdir(), 'evalplanner-token-'));
  const file = join(home, 'token');
  const gone = join(home, 'gone');
  await writeFile(file, 'of the path\n');
  expect(readToken(undefined, {}, home)).toBeUndefined();
  await mkdir(join(home, '.ray'));
  await writeFile(join(home, '.ray', 'auth_token'), ' of the home \n');
  expect(readToken(undefined, {}, home)).toBe('of the home');
  const env = { RAY_AUTH_TOKEN_PATH: file };
  expect(readToken(undefined, env, home)).toBe('of the path');
  expect(readToken(undefined, { ...env, RAY_AUTH_TOKEN: ' own ' }, home)).toBe('own');
  expect(readToken('MINE', { ...env, RAY_AUTH_TOKEN: 'own', MINE: 'mine' }, home)).toBe('mine');
  expect(() => readToken('MINE', { RAY_AUTH_TOKEN: 'own' }, home)).toThrow(/MINE is not set/);
  expect(() => readToken(undefined, { RAY_AUTH_TOKEN_PATH: gone }, home)).toThrow(gone);
  await rm(home, { recursive: true });
});
