import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readConfig } from './config.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'evalplanner-config-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  mkdirSync(join(folder, 'support'), { recursive: true });
  const path = join(folder, 'support', name);
  writeFileSync(path, text);
  return path;
}

const CONFIG = {
  models: { judge: './model', writer: 'openai:x@http://h/v1' },
  sources: { own: { kind: 'pairs', from: ['./a.csv', 'OWNER/NAME'], test: '../held.csv' } },
};
const LOCATED = () => ({
  models: { judge: join(folder, 'support', 'model'), writer: 'openai:x@http://h/v1' },
  sources: {
    own: {
      kind: 'pairs',
      from: [join(folder, 'support', 'a.csv'), 'OWNER/NAME'],
      test: join(folder, 'held.csv'),
    },
  },
});

test.each([
  ['judge.json', JSON.stringify(CONFIG), 'judge'],
  [
    'judge.yaml',
    'models: { judge: ./model, writer: openai:x@http://h/v1 }\nsources:\n  own: { kind: pairs, from: [./a.csv, OWNER/NAME], test: ../held.csv }\n',
    'judge',
  ],
  ['evalplanner.config.mts', `export default ${JSON.stringify(CONFIG)} satisfies object;`, 'support'],
  ['mine.config.mjs', `export default ${JSON.stringify(CONFIG)}`, 'mine'],
])('%s is read, its places seen from where it lies', async (name, text, called) => {
  const read = await readConfig(file(name, text));
  expect(read.config).toEqual(LOCATED());
  expect(read.name).toBe(called);
});

test.each([
  ['bad.json', '{"models": ', /bad\.json cannot be read: /],
  ['bad.yaml', 'models: [', /bad\.yaml cannot be read: /],
  ['bad.mjs', 'export default {', /bad\.mjs cannot be read: /],
  ['none.mjs', 'export const config = {}', /none\.mjs holds no config/],
  ['list.json', '[]', /list\.json holds no config/],
  ['judge.toml', 'a = 1', /judge\.toml is no config/],
])('%s is refused in one line', async (name, text, message) => {
  const error = await readConfig(file(name, text)).catch((error: unknown) => error);
  expect(error).toMatchObject({ code: 'usage', message: expect.stringMatching(message) });
  expect((error as Error).message).not.toContain('\n');
});

test('a config that is not there, or a folder, says so', async () => {
  await expect(readConfig(join(folder, 'no.yaml'))).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringContaining('there is no config'),
  });
  await expect(readConfig(folder)).rejects.toMatchObject({ message: `${folder} is a folder` });
});
