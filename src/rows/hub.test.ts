import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { EvalPlannerError } from '../errors.ts';
import { type FakeHub, startHub } from '../hub/server.contract.ts';
import { parseHubId } from './hub.ts';
import { readSource } from './sources.ts';
import { splitsOf } from './splits.ts';

const lines = (...texts: string[]) => texts.map((text) => `${JSON.stringify({ text })}\n`).join('');
const CARD =
  '---\nconfigs:\n- config_name: main\n  data_files:\n  - split: train\n    path: main/train-*\n  - split: test\n    path: main/test-*\n- config_name: socratic\n  data_files: socratic/*.jsonl\n---\n# Card\n';

let hub: FakeHub;
beforeAll(async () => {
  hub = await startHub({
    datasets: {
      'openai/gsm8k': {
        main: {
          'README.md': CARD,
          'main/train-00000-of-00002.jsonl': lines('a', 'b'),
          'main/train-00001-of-00002.jsonl': lines('c'),
          'main/test-00000-of-00001.jsonl': lines('t'),
          'socratic/x.jsonl': lines('s'),
        },
        v1: { 'README.md': '# no front matter', 'data/train.jsonl': lines('old') },
      },
      'gated/set': { main: { 'test.jsonl': lines('secret') } },
      'script/set': {
        main: { 'set.py': 'print()' },
        'refs/convert/parquet': { 'default/validation/0000.parquet': 'PAR1' },
      },
      'one/file': { main: { 'rows.csv': `text\n${'x'.repeat(1_500_000)}\n` } },
    },
  });
});
afterAll(() => hub.close());

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'hub-'));
  hub.asked.length = 0;
  hub.fault = () => null;
  vi.stubEnv('HF_ENDPOINT', hub.url);
  vi.stubEnv('HF_HUB_CACHE', join(home, 'cache'));
  vi.stubEnv('HF_HOME', home);
  vi.stubEnv('HF_TOKEN', '');
  vi.stubEnv('HF_HUB_OFFLINE', '');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true });
});

async function texts(source: string): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const { value } of readSource(source)) found.push((value as { text: string }).text);
  return found;
}
const failure = (source: string): Promise<EvalPlannerError> =>
  texts(source).then(
    () => expect.unreachable(),
    (error: unknown) => {
      expect(error).toBeInstanceOf(EvalPlannerError);
      return error as EvalPlannerError;
    },
  );

describe('ids', () => {
  it.each([
    ['openai/gsm8k', { id: 'openai/gsm8k' }],
    ['hf:openai/gsm8k:main', { id: 'openai/gsm8k', config: 'main' }],
    ['openai/gsm8k:main/test@v1', { id: 'openai/gsm8k', config: 'main', split: 'test', revision: 'v1' }],
    ['a/b:/test@refs/convert/parquet', { id: 'a/b', split: 'test', revision: 'refs/convert/parquet' }],
    ['plain', null],
    ['a/b/c', null],
    ['../a', { id: '../a' }],
  ])('%s', (text, expected) => expect(parseHubId(text)).toEqual(expected));
});

describe('splits', () => {
  it.each([
    [
      'by the names of shards',
      ['data/filtered-00000-of-00001.parquet', 'data/raw-00000-of-00001.parquet'],
      {
        default: {
          filtered: ['data/filtered-00000-of-00001.parquet'],
          raw: ['data/raw-00000-of-00001.parquet'],
        },
      },
    ],
    [
      'by keywords',
      ['train.jsonl', 'valid.jsonl', 'my-test.jsonl.gz', 'README.md'],
      { default: { train: ['train.jsonl'], validation: ['valid.jsonl'], test: ['my-test.jsonl.gz'] } },
    ],
    [
      'by folders',
      ['math/test/a.json', 'math/train/a.json', 'code/a.json'],
      {
        code: { train: ['code/a.json'] },
        math: { test: ['math/test/a.json'], train: ['math/train/a.json'] },
      },
    ],
    [
      "by the hub's own conversion",
      ['default/test/0000.parquet', 'default/partial-train/0000.parquet'],
      { default: { test: ['default/test/0000.parquet'], train: ['default/partial-train/0000.parquet'] } },
    ],
    ['nothing', ['a.py', 'b.zip'], {}],
  ])('%s', (_, files, expected) => expect(splitsOf(files, null)).toEqual(expected));

  it('as the card says, in each of its forms; a broken card says nothing', () => {
    const files = ['a/x.jsonl', 'a/y.jsonl', 'b.jsonl'];
    const card = (yaml: string) => `---\n${yaml}\n---\n`;
    const of = (yaml: string) => splitsOf(files, card(yaml));
    expect(of('configs:\n- data_files: "b.jsonl"')).toEqual({ default: { train: ['b.jsonl'] } });
    expect(of('configs:\n- config_name: c\n  data_files:\n    dev: ["a/*.jsonl"]')).toEqual({
      c: { dev: ['a/x.jsonl', 'a/y.jsonl'] },
    });
    expect(of('configs:\n- config_name: c\n  data_dir: a')).toEqual({
      c: { train: ['a/x.jsonl', 'a/y.jsonl'] },
    });
    expect(of('configs: [')).toEqual(splitsOf(files, null));
    expect(of('configs: 5')).toEqual(splitsOf(files, null));
  });
});

describe('a dataset on a hub', () => {
  it('gives the rows of a configuration and split, and of a revision', async () => {
    expect(await texts('openai/gsm8k:main')).toEqual(['a', 'b', 'c']);
    expect(await texts('openai/gsm8k:main/test')).toEqual(['t']);
    expect(await texts('openai/gsm8k:socratic')).toEqual(['s']);
    expect(await texts('openai/gsm8k@v1')).toEqual(['old']);
  });

  it('is downloaded once, into the cache of the hub, and is there without it', async () => {
    const log = vi.spyOn(console, 'log');
    const debug = vi.spyOn(console, 'debug');
    await texts('openai/gsm8k:main/test');
    const resolved = () => hub.asked.filter((line) => line.includes('/resolve/') && line.includes('test-'));
    const downloads = resolved().length;
    expect(downloads).toBeGreaterThan(0);
    await texts('openai/gsm8k:main/test');
    expect(resolved()).toHaveLength(downloads);
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    hub.asked.length = 0;
    expect(await texts('openai/gsm8k:main/test')).toEqual(['t']);
    expect(hub.asked).toEqual([]);
    expect((await failure('openai/gsm8k:main/train')).message).toContain('is not in the cache');
    vi.stubEnv('HF_HUB_OFFLINE', '');
    vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:9');
    expect(log).not.toHaveBeenCalled();
    expect(debug).not.toHaveBeenCalled();
    expect(readdirSync(join(home, 'cache'))).toEqual(['datasets--openai--gsm8k']);
  });

  it('is fetched again where the hub is busy, fails or hangs up half-way', async () => {
    let faults = 0;
    hub.fault = () => {
      if (faults >= 4) return null;
      faults++;
      return ([429, 503, 'cut', 'cut'] as const)[faults - 1] ?? null;
    };
    expect(await texts('openai/gsm8k:main')).toEqual(['a', 'b', 'c']);
    hub.fault = ({ url = '' }) => (url.startsWith('/lfs/') && faults++ < 8 ? 'cut' : null);
    expect((await texts('one/file'))[0]).toHaveLength(1_500_000);
    expect(faults).toBeGreaterThan(6);
  });

  it('with a token where it is gated; no token is written anywhere', async () => {
    const told = await failure('gated/set');
    expect(told.message).toContain(
      'does not give gated/set to this account (401: Access to dataset gated/set is restricted)',
    );
    expect(told.remedy).toContain(`accept its conditions at ${hub.url}/datasets/gated/set, and set HF_TOKEN`);
    vi.stubEnv('HF_TOKEN', 'hf_good');
    expect(await texts('gated/set')).toEqual(['secret']);
    vi.stubEnv('HF_TOKEN', '');
    writeFileSync(join(home, 'token'), 'hf_good\n');
    rmSync(join(home, 'cache'), { recursive: true });
    expect(await texts('gated/set')).toEqual(['secret']);
    rmSync(join(home, 'token'));
    const files = readdirSync(join(home, 'cache'), { recursive: true, withFileTypes: true });
    expect(files.length).toBeGreaterThan(0);
    expect(files.filter(({ name }) => name.includes('hf_good'))).toEqual([]);
    vi.stubEnv('HF_TOKEN', 'wrong-kind');
    const wrong = await failure('gated/set');
    expect(wrong.message).toBe('HF_TOKEN is no token of the hub');
  });

  it.each([
    ['nobody/nothing', 'data', 'the hub has no dataset nobody/nothing at revision main'],
    ['openai/gsm8k@v9', 'data', 'the hub has no dataset openai/gsm8k at revision v9'],
    ['openai/gsm8k', 'data', 'openai/gsm8k has several configurations'],
    ['openai/gsm8k:other', 'data', 'has no configuration other'],
    ['openai/gsm8k:main/dev', 'data', 'has no split dev'],
    ['script/set', 'data', '0000.parquet is damaged'],
  ])('%s: %s error that says what there is', async (source, code, message) => {
    const error = await failure(source);
    expect(error.message).toContain(message);
    expect(error.code).toBe(code);
    if (source.startsWith('openai') && !source.includes('@'))
      expect(error.remedy).toMatch(/there are (main, socratic|train, test)/);
  });

  it('out of reach: the remedy is to name files', async () => {
    vi.stubEnv('HF_HUB_OFFLINE', '1');
    const error = await failure('openai/gsm8k:main');
    expect(error.code).toBe('network');
    expect(error.remedy).toContain('download its files');
    expect(existsSync(join(home, 'cache'))).toBe(false);
  });
});
