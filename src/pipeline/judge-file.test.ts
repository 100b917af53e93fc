import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { JUDGE } from '../../seed/recipe.ts';
import { SEED_FOLDER } from '../package.ts';
import { PUBLISHED_PROMPTS } from '../prompts/set.ts';
import { judgeFileOf, readJudgeFile, writeJudgeFile } from './judge-file.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'evalplanner-judge-file-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (text: string) => writeFileSync(join(folder, 'evalplanner.json'), text);

test('what is written is read, whatever the judge', async () => {
  const some = fc.record({
    form: fc.constantFrom('planned', 'two-call', 'unplanned', 'direct'),
    maxTokens: fc.record({ plan: fc.integer({ min: 1 }), thought: fc.integer({ min: 1 }) }),
    sources: fc.array(fc.string()),
    trained: fc.record({ judge: fc.string(), seed: fc.integer(), rounds: fc.nat(), pairs: fc.nat() }),
  });
  await fc.assert(
    fc.asyncProperty(some, async (of) => {
      const file = judgeFileOf('published', PUBLISHED_PROMPTS, of);
      await writeJudgeFile(folder, file);
      expect(await readJudgeFile(folder)).toEqual(file);
    }),
    { numRuns: 30 },
  );
});

test('of somebody else’s checkpoint there is none; what it does not say is not made up', async () => {
  expect(await readJudgeFile(folder)).toBeNull();
  expect(await readJudgeFile(join(folder, 'nowhere'))).toBeNull();
  write('{"prompts": "published", "form": "direct", "more": 1}');
  expect(await readJudgeFile(folder)).toEqual({ version: 1, prompts: 'published', form: 'direct' });
});

test.each([
  ['', 'cannot be read', '--prompts and --form'],
  ['{"prompts": "publis', 'cannot be read', '--prompts and --form'],
  ['null', 'is damaged', '--prompts and --form'],
  ['[]', 'is damaged', '--prompts and --form'],
  ['{"prompts": "published", "form": "spoken"}', 'is damaged at form', '--prompts and --form'],
  ['{"prompts": "published", "form": "direct", "maxTokens": {"plan": 0}}', 'maxTokens.plan', 'restore it'],
  ['{"version": 2, "what": "ever"}', 'is of version 2, and this evalplanner reads 1', 'update evalplanner'],
])('%s is told as what it is', async (text, message, remedy) => {
  write(text);
  await expect(readJudgeFile(folder)).rejects.toMatchObject({
    code: 'data',
    message: expect.stringContaining(message),
    remedy: expect.stringContaining(remedy),
  });
});

test('a folder or a flood in its place is damaged', async () => {
  mkdirSync(join(folder, 'evalplanner.json'));
  await expect(readJudgeFile(folder)).rejects.toThrow('is not what its name says');
  rmSync(join(folder, 'evalplanner.json'), { recursive: true });
  write(' '.repeat(2 ** 20 + 1));
  await expect(readJudgeFile(folder)).rejects.toThrow('is not what its name says');
});

test('the seed model says what it was taught', () => {
  const text = readFileSync(join(SEED_FOLDER, 'model/evalplanner.json'), 'utf8');
  // Rendering is of the day on which it was trained.
  expect({ ...JSON.parse(text), rendering: '' }).toEqual({ ...JUDGE, rendering: '' });
});
