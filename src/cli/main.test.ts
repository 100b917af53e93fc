import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkDevice, type Device } from '../engine/device.ts';
import { EvalPlannerError } from '../errors.ts';
import { checkRunFolder, type RunDescription } from '../pipeline/folder.ts';
import { explain } from './failure.ts';
import { main } from './main.ts';

const BIN = fileURLToPath(new URL('./main.ts', import.meta.url));

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The real binary in a process of its own. */
function evalplanner(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [BIN, ...args], { env: { ...process.env, NO_COLOR: '1' } });
    let [out, err] = ['', ''];
    child.stdout.on('data', (text) => {
      out += text;
    });
    child.stderr.on('data', (text) => {
      err += text;
    });
    child.on('close', (code) => resolve({ code, out, err }));
  });
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'evalplanner-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('wrong arguments exit with 2 and two lines on stderr', () => {
  test.each([
    [['nope'], "unknown command 'nope'"],
    [['demo', '--bogus'], "unknown option '--bogus'"],
    [['demo', '--preset', 'huge'], 'there is no preset huge'],
    [['demo', '--seed-model', ''], 'models.judge is "": expected string to have >=1 characters'],
    [['demo', '--seed', 'x'], 'whole number'],
    [['demo', '--seed', '-1'], 'whole number'],
    [['demo', '--seed', '1.5'], 'whole number'],
    [['judge', '--a', 'x'], '--instruction is missing'],
    [['judge', '--instruction', 'x', '--a', 'x', '--b', ' '], '--b is empty'],
    [
      ['judge', '--instruction', 'x', '--a', 'x', '--b', 'y', '--orders', 'cd'],
      'Allowed choices are both, ab, ba',
    ],
    [['demo', '--device', 'tpu'], 'Allowed choices are cpu, webgpu, cuda'],
    [['serve', '--quantization', 'int4'], 'Allowed choices are int8'],
  ])('%j', async (args, message) => {
    const written: string[] = [];
    const write = process.stderr.write;
    process.stderr.write = (text) => written.push(String(text)) > 0;
    try {
      expect(await main(args)).toBe(2);
    } finally {
      process.stderr.write = write;
    }
    expect(written.join('')).toMatch(/^error: .+\nfix: .+\n$/);
    expect(written.join('')).toContain(message);
  });

  test('through the real binary', async () => {
    const { code, out, err } = await evalplanner('demo', '--preset', 'huge');
    expect({ code, out, err }).toEqual({
      code: 2,
      out: '',
      err: 'error: there is no preset huge\nfix: choose --preset quick or --preset full\n',
    });
  });
});

test('help and version answer on stdout', async () => {
  const [help, version] = await Promise.all([evalplanner('demo', '--help'), evalplanner('--version')]);
  expect(help.code).toBe(0);
  expect(help.out).toContain('$ evalplanner demo --preset full --seed 7');
  expect(help.err).toBe('');
  expect(version).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), err: '' });
});

test('a model that is not there exits with 2 and says what to do', async () => {
  const { code, err } = await evalplanner(
    'judge',
    '--model',
    join(folder, 'no'),
    ...'--instruction x --a y --b z'.split(' '),
  );
  expect(code).toBe(2);
  expect(err).toMatch(/^error: there is no model .*no\nfix: .*playground.+\n$/);
});

test('a pair that is too long for the model exits with 3 and says how long it is', async () => {
  const { code, err } = await evalplanner(
    'judge',
    ...['--model', 'playground', '--instruction', 'x', '--a', ' dog'.repeat(300), '--b', 'y'],
  );
  expect(code).toBe(3);
  expect(err).toMatch(
    /^error: the prompt has 3\d\d tokens, and this model reads 256 with its answer\nfix: shorten .+\n$/,
  );
});

test('doctor prints every check as JSON, and its exit code follows from them', async () => {
  const { code, out } = await evalplanner('doctor', '--json');
  const { checks } = JSON.parse(out) as { checks: { name: string; status: string; fix?: string }[] };
  expect(checks.map(({ name }) => name)).toEqual([
    'node',
    'runtime',
    'webgpu',
    'cuda',
    'int8',
    'cores',
    'memory',
    'disk',
    'sqlite',
    'seed model',
    'held-out',
    'terminal',
  ]);
  expect(checks.find(({ name }) => name === 'runtime')?.status).toBe('ok');
  expect(code).toBe(checks.some(({ status }) => status === 'fail') ? 3 : 0);
  for (const { status, fix } of checks) expect(fix === undefined).toBe(status === 'ok');
});

test.each(['webgpu', 'cuda'])('a device that does not work is refused as what it is: %s', async (device) => {
  const report = await checkDevice(device as Device);
  const args = [
    'judge',
    '--model',
    'playground',
    '--instruction',
    'Name 2 birds.',
    '--a',
    'owl wren',
    '--b',
    'owl',
    '--device',
    device,
  ];
  const { code, out, err } = await evalplanner(...args);
  if (report.state === 'works' && report.sampling) {
    expect(code).toBe(0);
    return;
  }
  expect(code).toBe(3);
  expect(out).toBe('');
  expect(err).toMatch(new RegExp(`^error: the device ${device} .+\nfix: .*device cpu.*\n$`));
});

test('a bug says that it is one; the stack comes with --debug only', () => {
  const error = new TypeError('x is not a\n\x1b[31mfunction');
  const short = explain(error, { debug: false });
  expect(short).toMatch(/^error: this is a bug in evalplanner: x is not a function\nfix: .*--debug.*\n$/);
  expect(explain(error, { debug: true })).toContain('main.test.ts');
  const cause = new Error('the cause');
  const hostile = new EvalPlannerError('model', 'a\u202eb\u0007c\u009bd', 'e\u2066f');
  expect(explain(hostile, { debug: false })).toBe('error: abcd\nfix: ef\n');
  expect(explain(hostile, { debug: true })).not.toMatch(/[^\P{Cc}\n]|[\u202e\u2066]/u);
  const known = new EvalPlannerError('disk', 'The disk is full', 'Free some space', cause);
  expect(explain(known, { debug: false })).toBe('error: The disk is full\nfix: Free some space\n');
  expect(explain(known, { debug: true })).toContain('the cause');
});

describe('a run folder', () => {
  const wanted: RunDescription = {
    preset: 'quick',
    seed: 1,
    model: 'm',
    prompts: [],
    sources: { general: 'h' },
    config: {},
  };
  const make = (name: string, files: Record<string, string>) => {
    const path = join(folder, name);
    mkdirSync(path);
    for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
    return path;
  };
  const refused = (path: string) => {
    try {
      checkRunFolder(path, wanted);
    } catch (error) {
      return error as EvalPlannerError;
    }
    throw new Error('it was accepted');
  };

  test('that is new, empty, or begun is taken', () => {
    checkRunFolder(join(folder, 'new'), wanted);
    checkRunFolder(make('empty', {}), wanted);
    checkRunFolder(make('begun', { 'run.db': '', 'config.json': JSON.stringify(wanted) }), wanted);
  });

  test('of another run is refused, with the way to continue it', () => {
    const other = make('other', { 'run.db': '', 'config.json': JSON.stringify({ ...wanted, seed: 2 }) });
    const error = refused(other);
    expect(error).toMatchObject({ code: 'run', message: expect.stringContaining('preset quick, seed 2') });
    expect(error.remedy).toContain('--preset quick --seed 2');
    const model = make('model', { 'run.db': '', 'config.json': JSON.stringify({ ...wanted, model: 'n' }) });
    expect(refused(model).message).toContain('another seed model');
  });

  test("that is somebody else's is refused and left alone", () => {
    const photos = make('photos', { 'holiday.jpg': 'x' });
    expect(refused(photos).message).toContain('holiday.jpg');
    expect(readdirSync(photos)).toEqual(['holiday.jpg']);
    writeFileSync(join(folder, 'file'), 'text');
    expect(refused(join(folder, 'file')).message).toContain('is a file');
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('text');
  });
});
