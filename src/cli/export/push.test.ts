import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { revision } from '../../engine/llama/checkpoint.ts';
import { type FakeHub, startHub } from '../../hub/server.contract.ts';
import { openCheckpoint } from '../../model/local/checkpoint.ts';
import { hubModels } from '../../model/local/hub-models.contract.ts';
import { SEED_FOLDER } from '../../package.ts';
import { run } from '../run.contract.ts';

const MODEL = join(SEED_FOLDER, 'model');
const RESULTS = join(import.meta.dirname, '..', '..', '..', 'docs', 'results', 'quick-0.json');

let hub: FakeHub;
beforeAll(async () => {
  hub = await startHub({ models: { 'me/theirs': { main: { 'README.md': '# Mine' } } } });
});
afterAll(() => hub.close());

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'push-'));
  hub.fault = () => null;
  hub.asked.length = 0;
  for (const [name, value] of Object.entries({
    HF_ENDPOINT: hub.url,
    HF_HOME: home,
    HF_TOKEN: 'hf_good',
    HF_HUB_OFFLINE: '',
  }))
    vi.stubEnv(name, value);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

const push = (model: string, id: string, ...args: string[]) =>
  run('export', '--model', model, '--push', id, ...args);
const card = (id: string) => Buffer.from(hub.files(id)['README.md'] as Uint8Array).toString();

/** A checkpoint as it lies in the folder of its run. */
function ofRun(): string {
  const folder = join(home, 'run', 'checkpoints', 'M2-DPO');
  mkdirSync(join(home, 'run', 'checkpoints'), { recursive: true });
  cpSync(MODEL, folder, { recursive: true });
  cpSync(RESULTS, join(home, 'run', 'report.json'));
  return folder;
}

test('a checkpoint goes to the hub with a card of what its run has measured, and comes back as it was', async () => {
  const folder = ofRun();
  writeFileSync(join(folder, 'optimizer.bin'), 'mine');
  writeFileSync(join(folder, '.env'), 'SECRET');
  const { code, out, err } = await push(folder, 'me/judge', '--private', '--licence', 'mit');
  expect({ code, err }).toMatchObject({ code: 0, err: expect.stringContaining('upload me/judge') });
  expect(out).toContain('hf:me/judge is its name here');
  expect(Object.keys(hub.files('me/judge')).sort()).toEqual([
    'README.md',
    'config.json',
    'evalplanner.json',
    'generation_config.json',
    'model.safetensors',
    'tokenizer.json',
    'tokenizer_config.json',
  ]);
  expect(hub.visibility('me/judge')).toBe('private');
  const { sets } = JSON.parse(readFileSync(RESULTS, 'utf8')).stages.find(
    ({ name }: { name: string }) => name === 'M2-DPO',
  );
  const { accuracy, intervals } = sets.general;
  const shown = (share: number) => (100 * share).toFixed(1);
  for (const text of [
    'license: "mit"',
    'preset quick, seed 0',
    `| M2-DPO | general | 400 | ${shown(accuracy)} (${shown(intervals.accuracy[0])}–${shown(intervals.accuracy[1])})`,
    'npx evalplanner judge --model hf:me/judge',
    'vllm serve me/judge',
    '--api completions',
    'AutoModelForCausalLM.from_pretrained("me/judge")',
  ])
    expect(card('me/judge')).toContain(text);
  const [there, here] = [await openCheckpoint('hf:me/judge'), await openCheckpoint(MODEL)];
  expect(revision(there.parameters)).toBe(revision(here.parameters));
  expect([...hub.credentials.storage]).toEqual([]);
});

test('a card says what is not known; ours is replaced by a later one, and somebody’s is kept', async () => {
  expect((await push(MODEL, 'me/seed')).code).toBe(0);
  expect(card('me/seed')).toContain('license: unknown');
  expect(card('me/seed')).toContain('Not measured.');
  expect((await push(ofRun(), 'me/seed', '--json')).code).toBe(0);
  expect(card('me/seed')).toContain('preset quick');
  const { err } = await push(MODEL, 'me/theirs');
  expect(err).toContain('me/theirs has a card of its own, which is kept');
  expect(card('me/theirs')).toBe('# Mine');
});

test('an adapter of a model of the hub names it; one of a folder is not sent', async () => {
  const write = async (base: string, to: string) => {
    mkdirSync(to);
    for (const [name, bytes] of Object.entries((await hubModels(base)).adapter))
      writeFileSync(join(to, name), bytes);
  };
  await write('mine/base', join(home, 'adapter'));
  expect((await push(join(home, 'adapter'), 'me/adapter')).code).toBe(0);
  for (const text of ['library_name: peft', 'base_model: "mine/base"', '--lora-modules judge=me/adapter'])
    expect(card('me/adapter')).toContain(text);
  await write('/somewhere/base', join(home, 'local'));
  expect(await push(join(home, 'local'), 'me/local')).toMatchObject({
    code: 2,
    err: expect.stringContaining('a folder that nobody else has'),
  });
});

test.each([
  ['no token', { HF_TOKEN: '' }, MODEL, 'me/x', 'nobody without a token'],
  [
    'a token that may not',
    { HF_TOKEN: 'hf_bad' },
    MODEL,
    'me/x',
    'does not let this account write to me/x (401)',
  ],
  ['offline', { HF_HUB_OFFLINE: '1' }, MODEL, 'me/x', 'HF_HUB_OFFLINE is set'],
  ['no repository', {}, MODEL, 'x', 'names no repository'],
  ['no model', {}, tmpdir(), 'me/x', 'holds no checkpoint and no adapter'],
])('%s: one line and a remedy, and nothing is sent', async (_, env, model, id, message) => {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  const { code, err } = await push(model, id);
  expect(code).toBe(2);
  expect(err).toMatch(/^error: .*\nfix: .*\n$/);
  expect(err).toContain(message);
  expect(err).not.toMatch(/hf_(good|bad)/);
  expect(hub.asked.filter((line) => line.includes('preupload'))).toEqual([]);
});

test('a hub that is busy is asked again, and one that fails changes nothing', async () => {
  let faults = 0;
  hub.fault = () => (faults++ % 2 === 0 ? 503 : null);
  expect((await push(MODEL, 'me/busy')).code).toBe(0);
  hub.fault = ({ url = '' }) => (url.includes('/commit/') ? 500 : null);
  expect(await push(MODEL, 'me/failing')).toMatchObject({ code: 3, err: expect.stringContaining('fix: ') });
  hub.fault = () => null;
  expect(Object.keys(hub.files('me/failing'))).toEqual([]);
  await push(MODEL, 'me/failing');
  expect(hub.asked.filter((line) => line.startsWith('PUT')).length).toBeLessThan(3);
});

test('rows and models are told apart', async () => {
  for (const args of [
    ['--push', 'me/x'],
    ['--model', MODEL],
    ['x.jsonl', '--model', MODEL, '--push', 'me/x'],
    ['x.jsonl'],
  ])
    expect(await run('export', ...args)).toMatchObject({ code: 2, err: expect.stringContaining('fix: ') });
});
