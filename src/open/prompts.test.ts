import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { defineConfig, type RunConfig, resolveConfig } from '../config.ts';
import { runIdentity } from '../pipeline/identity.ts';
import { PLAYGROUND_PROMPTS, PUBLISHED_PROMPTS } from '../prompts/set.ts';
import { openPrompts } from './prompts.ts';

const folder = mkdtempSync(join(tmpdir(), 'evalplanner-prompts-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const config = (more: Partial<RunConfig>) =>
  resolveConfig({
    ...defineConfig({
      models: { judge: 'some/folder' },
      sources: { own: { kind: 'pairs', from: 'somewhere' } },
      rounds: [
        {
          pairs: { own: 1 },
          train: [{ kind: 'sft', learningRate: 1, warmupSteps: 0, epochs: 1, batchSize: 1 }],
        },
      ],
      validation: { pairs: { own: 1 } },
      test: { pairs: { own: 1 } },
    }),
    ...more,
  });
const SHOT = {
  instruction: 'Say hi.',
  a: 'Hi.',
  b: 'Bye.',
  plan: 'It must greet.',
  execution: 'A greets.',
  verdict: 'A',
} as const;
const file = (name: string, rows: readonly object[]) => {
  const path = join(folder, name);
  writeFileSync(path, rows.map((row) => JSON.stringify(row)).join('\n'));
  return path;
};
const guided = (shots?: string | (typeof SHOT)[]) =>
  config({ thoughts: { writing: 'guided', ...(shots === undefined ? {} : { shots }) } });

test('there is a guide where thoughts are guided', async () => {
  expect((await openPrompts(config({}))).guide).toBeUndefined();
  expect(await openPrompts(guided())).toEqual(PUBLISHED_PROMPTS);
  await expect(openPrompts({ ...guided(), prompts: PLAYGROUND_PROMPTS })).rejects.toMatchObject({
    code: 'usage',
  });
});

test('shots of a file and of the config are the same guide; others are another one, wherever they lie', async () => {
  const [one, same, other] = await Promise.all(
    [[SHOT], file('a.jsonl', [SHOT]), file('b.jsonl', [{ ...SHOT, b: 'Hello.' }])].map((shots) =>
      openPrompts(guided(shots as string)),
    ),
  );
  expect(one?.guide).toEqual(same?.guide);
  expect(one?.guide?.shots).toEqual([SHOT]);
  expect(other?.guide?.version).not.toBe(one?.guide?.version);
  expect(runIdentity(guided('a.jsonl'))).toEqual(runIdentity(guided('b.jsonl')));
});

test('a row that is no worked example is named', async () => {
  const { verdict: _, ...half } = SHOT;
  await expect(openPrompts(guided(file('half.jsonl', [SHOT, half])))).rejects.toMatchObject({
    code: 'usage',
    message: expect.stringMatching(/^thoughts\.shots: half\.jsonl, line 2: verdict: /),
  });
});
