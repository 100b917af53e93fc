import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { serve } from '../../bench/servers/openai.ts';
import { settings } from '../judging/settings.ts';
import { SEED_FOLDER } from '../package.ts';
import { readJudgeFile, writeJudgeFile } from '../pipeline/judge-file.ts';
import { PLAYGROUND_PROMPTS, PUBLISHED_PROMPTS } from '../prompts/set.ts';
import { type JudgeSetup, openJudge } from './judge.ts';
import { judgeOptions } from './judge-options.ts';

const SEED = join(SEED_FOLDER, 'model');
let root: string;
let url: string;
let close: () => Promise<unknown>;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'evalplanner-judge-'));
  const server = await serve();
  ({ url } = server);
  close = () => server.close();
});
afterAll(async () => {
  await close();
  rmSync(root, { recursive: true, force: true });
});

/** A copy of the seed model whose file says something else, or nothing where `file` is null. */
async function judge(name: string, file: object | null): Promise<string> {
  const folder = join(root, name);
  cpSync(SEED, folder, { recursive: true });
  const known = await readJudgeFile(SEED);
  if (file === null) rmSync(join(folder, 'evalplanner.json'));
  else await writeJudgeFile(folder, { ...known, ...file } as NonNullable<typeof known>);
  return folder;
}

async function asked(setup: Partial<JudgeSetup>) {
  const { model, options, close } = await openJudge({ seed: 0, ...setup }, new AbortController().signal);
  const { form, prompts, sampling, maxPlanTokens } = settings(model, options);
  await close();
  return { form, prompts, limits: [maxPlanTokens, sampling.maxTokens] };
}

test('a judge is asked as it was trained, any other model by two calls of the published prompts', async () => {
  const prompts = PLAYGROUND_PROMPTS;
  expect(await asked({ model: 'playground' })).toEqual({ form: 'planned', prompts, limits: [96, 144] });
  const direct = await judge('direct', { form: 'direct', maxTokens: { plan: 48, thought: 99 } });
  expect(await asked({ model: direct })).toEqual({ form: 'direct', prompts, limits: [48, 99] });
  const unplanned = await judge('unplanned', { form: 'unplanned', prompts: 'published' });
  expect(await asked({ model: unplanned })).toMatchObject({ form: 'unplanned', prompts: PUBLISHED_PROMPTS });
  const foreign = { form: 'two-call', prompts: PUBLISHED_PROMPTS, limits: [2048, 2048] };
  expect(await asked({ model: await judge('foreign', null) })).toEqual(foreign);
  expect(await asked({ model: `openai:m@${url}` })).toEqual(foreign);
  expect(await judgeOptions(direct)).toEqual({ form: 'direct', prompts, maxTokens: 99, maxPlanTokens: 48 });
  expect(await judgeOptions(join(root, 'foreign'))).toEqual({});
});

test('what the command says goes before what the file says', async () => {
  expect(await asked({ model: 'playground', form: 'direct' })).toMatchObject({
    form: 'direct',
    limits: [96, 144],
  });
  expect(await asked({ model: 'playground', plans: 2 })).toMatchObject({ form: 'two-call' });
  expect(await asked({ model: 'playground', planModel: 'playground' })).toMatchObject({ form: 'two-call' });
  expect(await asked({ model: 'playground', maxTokens: 9 })).toMatchObject({ limits: [96, 9] });
  expect(await asked({ model: 'playground', prompts: 'published' })).toMatchObject({
    prompts: PUBLISHED_PROMPTS,
  });
});

test('a damaged file is an error before anything is opened, and changed prompts are said', async () => {
  const damaged = await judge('damaged', {});
  writeFileSync(join(damaged, 'evalplanner.json'), '{');
  await expect(asked({ model: damaged })).rejects.toMatchObject({ code: 'data' });
  const old = await judge('old', { templates: ['judge playground-0'] });
  const said = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  await asked({ model: old });
  const notes = said.mock.calls.map(([text]) => String(text));
  said.mockRestore();
  expect(notes).toEqual([
    expect.stringMatching(/^note: .*old: .*prompts that have changed since: judge playground-0\n$/),
  ]);
});
