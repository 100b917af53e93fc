import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PUBLISHED } from '../prompts/published/tags.ts';

/** What npm would publish, installed as a stranger does it: from the packed file, by npm alone. */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The oldest Node that `engines` names. */
const OLDEST = '22.19.0';

/** A verdict to who asks for one, another instruction and its answer to who asks for those. */
const ANSWER = [
  PUBLISHED.instruction,
  'Name 4 fish.',
  PUBLISHED.instructionEnd,
  PUBLISHED.response,
  'cod eel ray koi',
  PUBLISHED.responseEnd,
  'The first is better: [[A]]',
].join('\n');

const FEW = { pairs: { general: 4 } };
/** A config of a run. */
const TINY = {
  prompts: 'playground',
  models: { judge: 'playground' },
  sources: { general: { kind: 'general', from: 'playground' } },
  optimiser: { checkpoints: 1 },
  rounds: [{ ...FEW, train: [{ kind: 'sft', learningRate: 1e-4, warmupSteps: 0, epochs: 1, batchSize: 8 }] }],
  validation: FEW,
  test: FEW,
};

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function call(command: string, args: readonly string[], cwd: string): Promise<Outcome> {
  // The variables of the `npm run` around this are about this checkout; its Node is not the user's. Whom this machine trusts is.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_(?!EXTRA_CA_CERTS$))/.test(name)),
  );
  return new Promise((resolve) => {
    execFile(command, args, { cwd, env: { ...env, NO_COLOR: '1' } }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), out, err });
    });
  });
}

async function npm(cwd: string, ...args: string[]): Promise<void> {
  const { code, err } = await call('npm', [...args, '--prefer-offline', '--no-audit', '--no-fund'], cwd);
  if (code !== 0) throw new Error(`npm ${args.join(' ')}: ${err}`);
}

let folder: string;
let server: Server;
const bare = () => join(folder, 'bare');
const engine = () => join(folder, 'engine');
const oldest = () =>
  join(folder, 'node/node_modules', `node-${process.platform}-${process.arch}`, 'bin/node');
const evalplanner = (cwd: string, node: string, ...args: string[]) =>
  call(node, [join(cwd, 'node_modules/evalplanner/dist/cli/main.js'), ...args], cwd);

function newFolder(path: string): void {
  mkdirSync(path);
  writeFileSync(join(path, 'package.json'), '{ "private": true, "type": "module" }');
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'evalplanner-install-'));
  await npm(ROOT, 'pack', '--pack-destination', folder);
  const packed = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) as string);
  for (const path of [bare(), engine()]) {
    newFolder(path);
    await npm(path, 'install', packed);
  }
  newFolder(join(folder, 'node'));
  await npm(join(folder, 'node'), 'install', `node-${process.platform}-${process.arch}@${OLDEST}`);
  server = createServer((request, response) => {
    request.resume().on('end', () => {
      const message = { role: 'assistant', content: ANSWER };
      const choices = [{ index: 0, message, finish_reason: 'stop' }];
      const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ model: 'made-up', choices, usage }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

const NODES: readonly (readonly [string, () => string])[] = [
  [OLDEST, oldest],
  [process.versions.node, () => process.execPath],
];

describe.each(NODES)('without the engine, on Node %s', (version, node) => {
  const asked = () => [
    '--model',
    'made-up',
    '--base-url',
    `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
  ];
  const run = (...args: string[]) => evalplanner(bare(), node(), ...args);

  beforeAll(() => {
    const pair = { id: 'p', instruction: 'Name 3 birds.', chosen: 'owl wren crow', rejected: 'owl wren' };
    writeFileSync(join(bare(), 'pairs.jsonl'), `${JSON.stringify(pair)}\n`);
    writeFileSync(
      join(bare(), 'questions.jsonl'),
      '{"instruction":"Name 3 birds.","response":"owl wren crow"}\n',
    );
    writeFileSync(join(bare(), 'tiny.json'), JSON.stringify(TINY));
  });

  test('the version, and what works here', async () => {
    const ours = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;
    expect(await run('--version')).toEqual({ code: 0, out: `${ours}\n`, err: '' });
    const { code, out, err } = await run('doctor', '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const { checks } = JSON.parse(out) as { checks: { name: string; status: string; fix?: string }[] };
    expect(checks.filter(({ status }) => status === 'fail')).toEqual([]);
    expect(checks.find(({ name }) => name === 'runtime')).toMatchObject({
      status: 'none',
      fix: expect.stringContaining('npm install onnxruntime-node@'),
    });
  });

  test.each<[string, () => string[]]>([
    ['judge', () => ['judge', '--instruction', 'x', '--a', 'p', '--b', 'q', ...asked()]],
    ['judge with a ledger', () => ['judge', 'pairs.jsonl', '--store', `${version}.db`, ...asked()]],
    ['bench', () => ['bench', 'custom', '--data', 'pairs.jsonl', '--out', `bench-${version}`, ...asked()]],
    ['pairs', () => ['pairs', 'questions.jsonl', '--out', `made-${version}.jsonl`, ...asked()]],
    ['audit', () => ['audit', 'pairs.jsonl']],
  ])('%s', async (_, args) => {
    const { code, err } = await run(...args());
    expect(err).not.toMatch(/error|warning/i);
    expect(code).toBe(0);
  });

  test('export', async () => {
    writeFileSync(
      join(bare(), 'sft.jsonl'),
      `${JSON.stringify({ prompt: 'Judge.', completion: ' <plan> p </plan> [[A]]' })}\n`,
    );
    const out = `set-${version}`;
    const { code, err } = await run('export', 'sft.jsonl', '--format', 'trl', '--parquet', '--out', out);
    expect({ code, err }).toEqual({ code: 0, err: '' });
  });

  test('doctor names the one command that adds the client of a hosted trainer', async () => {
    const trainer = { kind: 'together', model: 'made/Up-1B' };
    writeFileSync(join(bare(), 'hosted.json'), JSON.stringify({ ...TINY, trainer }));
    const { out } = await run('doctor', 'hosted.json', '--json');
    const { checks } = JSON.parse(out) as { checks: { name: string; status: string; fix?: string }[] };
    expect(checks.find(({ name }) => name === 'trainer')).toMatchObject({
      status: 'fail',
      fix: expect.stringMatching(/^npm install together-ai@\d/),
    });
  });

  test.each([
    [['judge', '--model', 'playground', '--instruction', 'x', '--a', 'p', '--b', 'q']],
    [['demo', '--out', 'lost']],
    [['bench', 'playground', '--model', 'playground']],
    [['train', 'sft.jsonl', '--model', '.', '--out', 'lost']],
    [['run', 'tiny.json', '--out', 'lost']],
    [['serve', '.']],
  ])('%j names the one command that adds it, and leaves nothing', async (args) => {
    const { code, out, err } = await run(...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(
      /^error: this needs the built-in engine.*\nfix: npm install onnxruntime-node@\S+ --ignore-scripts/,
    );
    expect(existsSync(join(bare(), 'lost'))).toBe(false);
  });
});

describe('with the engine', () => {
  beforeAll(async () => {
    const { err } = await evalplanner(engine(), process.execPath, 'demo');
    const [, ...args] = /fix: (npm install \S+ --ignore-scripts)/.exec(err)?.[1]?.split(' ') ?? [];
    await npm(engine(), ...args);
    writeFileSync(
      join(engine(), 'evalplanner.config.yaml'),
      `prompts: playground
models: { judge: playground }
sources: { general: { kind: general, from: playground } }
thoughts: { plans: 2, executions: 2, maxPlanTokens: 48, maxThoughtTokens: 144 }
optimiser: { maxLength: 256, checkpoints: 1 }
rounds:
  - pairs: { general: 30 }
    train: [{ kind: sft, name: tiny, learningRate: 5.0e-4, warmupSteps: 0, epochs: 1, batchSize: 8 }]
validation: { pairs: { general: 4 } }
test: { pairs: { general: 6 } }
`,
    );
  });

  const figures = new Map<string, unknown>();
  test.each(NODES)('a run and its audit, on Node %s', async (version, node) => {
    const run = (...args: string[]) => evalplanner(engine(), node(), ...args);
    const out = `run-${version}`;
    const { code, out: said, err } = await run('run', 'evalplanner.config.yaml', '--out', out, '--json');
    expect(err).not.toMatch(/error|warning/i);
    expect(code).toBe(0);
    figures.set(version, JSON.parse(said).stages);
    const audited = await run('audit', out, '--json');
    expect({ code: audited.code, err: audited.err }).toEqual({ code: 0, err: '' });
  });

  test('gives the same judges on both', () => {
    const [first, second] = figures.values();
    expect(first).toEqual(second);
  });
});

test.each([
  ['nodenext', 'nodenext'],
  ['esnext', 'bundler'],
])('a strict consumer compiles, our types looked at: %s, %s', async (module, moduleResolution) => {
  const compilerOptions = {
    ...{ strict: true, skipLibCheck: false, noEmit: true, target: 'es2022', types: [] },
    ...{ module, moduleResolution },
  };
  writeFileSync(
    join(bare(), `${moduleResolution}.json`),
    JSON.stringify({ compilerOptions, files: ['use.ts'] }),
  );
  writeFileSync(
    join(bare(), 'use.ts'),
    `import * as everything from 'evalplanner';
import { judge, type LedgerReader, openaiCompatible, readStore } from 'evalplanner';
const model = openaiCompatible({ baseURL: 'http://localhost:8000/v1', model: 'mine' });
export const { winner } = await judge(model, { instruction: 'x', responses: ['a', 'b'] });
export const reader: LedgerReader = readStore('run.db');
export default everything;
`,
  );
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  const { out } = await call(process.execPath, [tsc, '-p', `${moduleResolution}.json`], bare());
  expect(out).toBe('');
});
