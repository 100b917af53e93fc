import { spawn } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { revision } from '../../engine/llama/checkpoint.ts';
import { EvalPlannerError } from '../../errors.ts';
import { DOWNLOADS, type Download } from '../../hub/downloads.ts';
import { type FakeHub, startHub } from '../../hub/server.contract.ts';
import { openCheckpoint } from './checkpoint.ts';
import { copyCheckpoint } from './copy.ts';
import { localPlace, parseHubModel } from './hub.ts';
import { hubModels } from './hub-models.contract.ts';

let hub: FakeHub;
beforeAll(async () => {
  const { whole, sharded, adapter } = await hubModels('mine/whole');
  const config = JSON.parse(Buffer.from(whole['config.json'] as Uint8Array).toString()) as object;
  const { 'model.safetensors': weights, ...beside } = whole as Record<string, Uint8Array>;
  const changed = (change: object) => JSON.stringify({ ...config, ...change });
  hub = await startHub({
    models: {
      'mine/whole': {
        main: {
          ...whole,
          'evalplanner.json': '{"prompts":"playground","form":"planned"}',
          'README.md': '# Card',
          'optimizer.pt': 'x',
          'pytorch_model.bin': 'x',
          'onnx/model.safetensors': 'x',
        },
        v0: { ...beside, 'model.safetensors': weights as Uint8Array, 'chat_template.jinja': 'x' },
      },
      'mine/sharded': { main: sharded },
      'mine/adapter': { main: adapter },
      'mine/big': {
        main: { ...beside, 'model.safetensors': new Uint8Array(3_000_000).map((_, i) => (i * i) >> 3) },
      },
      'mine/gguf': { main: { 'a-q4_k_m.gguf': 'GGUF a', 'a-q8_0.gguf': 'GGUF b' } },
      'mine/old': { main: { ...beside, 'pytorch_model.bin': 'x' } },
      'mine/other': { main: { ...whole, 'config.json': changed({ model_type: 'mamba' }) } },
      'mine/huge': {
        main: { ...whole, 'config.json': changed({ num_hidden_layers: 1000, intermediate_size: 1e7 }) },
      },
      'mine/lacking': { main: { ...sharded, 'model-00002-of-00002.safetensors': '' } },
      'gated/model': { main: whole },
    },
  });
});
afterAll(() => hub.close());

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'hub-'));
  hub.asked.length = 0;
  hub.fault = () => null;
  for (const names of Object.values(hub.credentials)) names.clear();
  const { HF_TOKEN, HF_HUB_OFFLINE } = { HF_TOKEN: '', HF_HUB_OFFLINE: '' };
  for (const [name, value] of Object.entries({
    HF_ENDPOINT: hub.url,
    HF_HOME: home,
    HF_TOKEN,
    HF_HUB_OFFLINE,
  }))
    vi.stubEnv(name, value);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

const failure = (name: string): Promise<EvalPlannerError> =>
  openCheckpoint(name).then(
    () => expect.unreachable(),
    (error: unknown) => {
      expect(error).toBeInstanceOf(EvalPlannerError);
      return error as EvalPlannerError;
    },
  );
const cacheOf = (name: string) => join(home, 'hub', `models--mine--${name}`);
const blobs = (name: string) => readdirSync(join(cacheOf(name), 'blobs'));
const weightsAsked = () => hub.asked.filter((line) => line.startsWith('GET /lfs/'));

describe('names', () => {
  it.each([
    ['hf:a/b', { id: 'a/b', revision: 'main' }],
    ['hf:a/b@refs/pr/1', { id: 'a/b', revision: 'refs/pr/1' }],
    ['hf:a/b@v1:sub/x.gguf', { id: 'a/b', revision: 'v1', file: 'sub/x.gguf' }],
    ['hf:a/b:x.Q4_K_M.gguf', { id: 'a/b', revision: 'main', file: 'x.Q4_K_M.gguf' }],
    ['models/x', null],
  ])('%s', (name, expected) => expect(parseHubModel(name)).toEqual(expected));

  it.each([
    'hf:',
    'hf:a',
    'hf:a/b/c',
    'hf:../b',
    'hf:a/b@../../x',
    'hf:a/b:x.safetensors',
    'hf:a/b:../x.gguf',
  ])('%s is told its form', (name) =>
    expect(() => parseHubModel(name)).toThrow(expect.objectContaining({ code: 'usage' })),
  );
});

it('a model of the hub opens: what is needed of it is in the cache as huggingface_hub lays it out, and nothing else', async () => {
  const { parameters } = await openCheckpoint('hf:mine/whole');
  const folder = await localPlace('hf:mine/whole');
  const commit = readFileSync(join(cacheOf('whole'), 'refs', 'main'), 'utf8');
  expect(folder).toBe(join(cacheOf('whole'), 'snapshots', commit));
  expect(readdirSync(folder).sort()).toEqual([
    'config.json',
    'evalplanner.json',
    'generation_config.json',
    'model.safetensors',
    'tokenizer.json',
    'tokenizer_config.json',
  ]);
  for (const name of readdirSync(folder)) expect(lstatSync(join(folder, name)).isSymbolicLink()).toBe(true);
  for (const [name, bytes] of Object.entries(hub.files('mine/whole')))
    if (existsSync(join(folder, name))) expect(readFileSync(join(folder, name)).equals(bytes)).toBe(true);
  const downloads = weightsAsked().length;
  const again = await openCheckpoint(`hf:mine/whole@${commit}`);
  expect(revision(again.parameters)).toBe(revision(parameters));
  await openCheckpoint('hf:mine/whole@v0');
  expect(weightsAsked()).toHaveLength(downloads);
  expect(readdirSync(join(cacheOf('whole'), 'snapshots'))).toHaveLength(2);
});

it('shards and adapters open as the whole does; an adapter brings its base, and names it to whoever has a copy', async () => {
  const { parameters } = await openCheckpoint('hf:mine/whole');
  expect(revision((await openCheckpoint('hf:mine/sharded')).parameters)).toBe(revision(parameters));
  rmSync(cacheOf('whole'), { recursive: true });
  const adapted = await openCheckpoint('hf:mine/adapter');
  expect(revision(adapted.parameters)).not.toBe(revision(parameters));
  await copyCheckpoint('hf:mine/adapter', join(home, 'copy'));
  const copied = JSON.parse(readFileSync(join(home, 'copy', 'adapter_config.json'), 'utf8'));
  const commit = readFileSync(join(cacheOf('whole'), 'refs', 'main'), 'utf8');
  expect(copied).toMatchObject({ base_model_name_or_path: 'mine/whole', revision: commit });
  expect(revision((await openCheckpoint(join(home, 'copy'))).parameters)).toBe(revision(adapted.parameters));
});

it('offline, or where the hub does not answer, what is cached opens and nothing else', async () => {
  await openCheckpoint('hf:mine/whole');
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  hub.asked.length = 0;
  await openCheckpoint('hf:mine/whole');
  expect(hub.asked).toEqual([]);
  const told = await failure('hf:mine/sharded');
  expect(told).toMatchObject({ code: 'network', message: expect.stringContaining('HF_HUB_OFFLINE is set') });
  vi.stubEnv('HF_HUB_OFFLINE', '');
  const gone = await startHub({});
  await gone.close();
  vi.stubEnv('HF_ENDPOINT', gone.url);
  await openCheckpoint('hf:mine/whole');
  expect((await failure('hf:mine/sharded')).message).toMatch(/^cannot get .*ECONNREFUSED/);
});

it('a GGUF file is one of several, and comes alone', async () => {
  const place = await localPlace('hf:mine/gguf:a-q8_0.gguf');
  expect(readFileSync(place, 'utf8')).toBe('GGUF b');
  expect(blobs('gguf')).toHaveLength(1);
  vi.stubEnv('HF_HUB_OFFLINE', '1');
  expect(await localPlace('hf:mine/gguf:a-q8_0.gguf')).toBe(place);
});

it.each([
  ['hf:mine/none', 'model', 'the hub has no model mine/none at revision main', 'check the name'],
  ['hf:mine/whole@v9', 'model', 'the hub has no model mine/whole at revision v9', 'the revision'],
  ['hf:mine/gguf', 'model', 'holds no config.json, but GGUF files', 'hf:mine/gguf:a-q4_k_m.gguf'],
  ['hf:mine/gguf:b.gguf', 'model', 'has no file b.gguf', 'a-q8_0.gguf'],
  ['hf:mine/old', 'model', 'holds no model.safetensors, but pytorch_model.bin', 'save_pretrained'],
  ['hf:mine/other', 'model', 'model_type is "mamba"', ''],
  ['hf:mine/huge', 'model', 'GB as float32', ''],
  ['hf:mine/lacking', 'model', 'model-00002-of-00002.safetensors', ''],
  [
    'hf:gated/model',
    'model',
    'does not give gated/model to this account (401: Access to model gated/model is restricted)',
    'HF_TOKEN',
  ],
])('%s: %s, said before any weights come', async (name, code, message, remedy) => {
  const error = await failure(name);
  expect(error).toMatchObject({
    code,
    message: expect.stringContaining(message),
    remedy: expect.stringContaining(remedy),
  });
  if (name !== 'hf:mine/lacking') expect(weightsAsked()).toEqual([]);
});

it('a token is sent to the hub alone, and kept nowhere', async () => {
  vi.stubEnv('HF_TOKEN', 'hf_bad');
  expect((await failure('hf:gated/model')).message).toContain('(403');
  vi.stubEnv('HF_TOKEN', 'hf_good');
  await openCheckpoint('hf:gated/model');
  expect([...hub.credentials.hub].sort()).toEqual(['Bearer hf_bad', 'Bearer hf_good']);
  expect([...hub.credentials.storage]).toEqual([]);
  for (const { parentPath, name } of readdirSync(home, { recursive: true, withFileTypes: true }).filter(
    (file) => file.isFile(),
  ))
    expect(readFileSync(join(parentPath, name)).includes('hf_good')).toBe(false);
});

describe('a download', () => {
  /** What is told of the next one. */
  function watch(onStep: (state: Download) => void = () => {}): { told: Download[]; done(): void } {
    const told: Download[] = [];
    const see = (state: unknown) => {
      told.push({ ...(state as Download) });
      onStep(state as Download);
    };
    subscribe(DOWNLOADS, see);
    return { told, done: () => unsubscribe(DOWNLOADS, see) };
  }

  it('goes on where it was cut, through 429 and 503 too, and says how far it is', async () => {
    let faults = 0;
    hub.fault = ({ url = '' }) =>
      url.startsWith('/lfs/') && faults++ < 7
        ? (([429, 'cut', 503, 'cut', 'cut'] as const)[faults % 5] ?? null)
        : null;
    const { told, done } = watch();
    const place = await localPlace('hf:mine/big');
    done();
    expect(readFileSync(join(place, 'model.safetensors'))).toHaveLength(3_000_000);
    const last = told.at(-1) as Download;
    expect(last).toMatchObject({ id: 'mine/big', ended: true, done: last.total });
    expect(told.every(({ done, total }) => done <= total)).toBe(true);
    expect(blobs('big').every((name) => /^[0-9a-f]+$/.test(name))).toBe(true);
  });

  it('that is given up is gone on from by the next', async () => {
    const stop = watch((state) => {
      if (state.total > 1e6 && state.done > 1e6)
        state.abort(new EvalPlannerError('interrupted', 'stopped', 'again'));
    });
    expect((await failure('hf:mine/big')).code).toBe('interrupted');
    stop.done();
    const [left] = blobs('big').filter((name) => name.endsWith('.incomplete'));
    const had = lstatSync(join(cacheOf('big'), 'blobs', left as string)).size;
    expect(had).toBeGreaterThan(1e6);
    const { told, done } = watch();
    await localPlace('hf:mine/big');
    done();
    expect(told.find(({ done }) => done > 0)?.done).toBeGreaterThanOrEqual(had);
    expect(blobs('big').filter((name) => name.endsWith('.incomplete'))).toEqual([]);
  });

  it('of other bytes than are listed never gets their name; what was damaged before is fetched anew', async () => {
    hub.fault = ({ url = '' }) => (url.startsWith('/lfs/') ? 'wrong' : null);
    expect(await failure('hf:mine/whole')).toMatchObject({
      code: 'model',
      message: expect.stringMatching(
        /model\.safetensors of mine\/whole came from .* with the hash \w{12}, twice/,
      ),
    });
    expect(existsSync(join(cacheOf('whole'), 'refs', 'main'))).toBe(false);
    hub.fault = () => null;
    const [left] = blobs('whole').filter((name) => name.endsWith('.incomplete'));
    const path = join(cacheOf('whole'), 'blobs', left as string);
    await writeFile(path, Buffer.alloc(500, 'x'));
    // As a process that has died would have left it.
    await rename(
      path,
      path.replace('.left.', `.${(await import('node:os')).hostname().replace(/[^\w-]/g, '_')}-99999999.`),
    );
    await openCheckpoint('hf:mine/whole');
  });

  it('that the disk cannot hold is not begun', async () => {
    const { bavail, bsize } = statfsSync(home);
    const { whole } = await hubModels('mine/whole');
    const liar = await startHub({ models: { 'mine/vast': { main: whole } } });
    vi.stubEnv('HF_ENDPOINT', liar.url);
    liar.resize('model.safetensors', 2 * bavail * bsize);
    try {
      expect(await failure('hf:mine/vast')).toMatchObject({
        code: 'disk',
        message: expect.stringMatching(/mine\/vast needs [\d.]+ GB more, and .* has [\d.]+ GB free/),
      });
    } finally {
      await liar.close();
    }
  });

  it('that is asked for twice in one process comes once', async () => {
    const [one, other] = await Promise.all([localPlace('hf:mine/big'), localPlace('hf:mine/big')]);
    expect(other).toBe(one);
    // One byte to find out the size, and all of them.
    expect(weightsAsked()).toHaveLength(2);
  });

  it('by three processes at once leaves one whole copy', async () => {
    const script = `import { localPlace } from ${JSON.stringify(join(import.meta.dirname, 'hub.ts'))}; console.log(await localPlace('hf:mine/big'));`;
    const one = () =>
      new Promise<string>((resolve, reject) => {
        const child = spawn(process.execPath, ['--input-type=module', '-e', script], { env: process.env });
        let out = '';
        child.stdout.on('data', (text) => {
          out += text;
        });
        child.stderr.on('data', (text) => {
          out += text;
        });
        child.on('exit', (code) => (code === 0 ? resolve(out.trim()) : reject(new Error(out))));
      });
    const [place, ...others] = await Promise.all([one(), one(), one()]);
    expect(others).toEqual([place, place]);
    expect(readFileSync(join(place as string, 'model.safetensors'))).toHaveLength(3_000_000);
    expect(blobs('big').filter((name) => name.includes('incomplete'))).toEqual([]);
  });
});
