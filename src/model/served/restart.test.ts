import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { identify } from '../local/identity.ts';
import { ask, checkpoints, madeUpServer } from './made-up.contract.ts';
import { Restart, type RestartOptions } from './restart.ts';
import { ServedModels } from './served.ts';

/** Serves what it is told: its arguments are the folder, the name and the port. It notes its process, and that of a child. */
const SERVER = `
  const [model, name, port, pids, how = ''] = process.argv.slice(1);
  const { appendFileSync } = require('node:fs');
  const child = require('node:child_process').spawn('sleep', ['1000']);
  appendFileSync(pids, process.pid + ' ' + child.pid + '\\n');
  if (how === 'dies') { console.error('CUDA out of memory'); process.exit(3); }
  require('node:http').createServer((request, response) => {
    if (how === 'dies when asked' && request.method === 'POST') { console.error('EngineDeadError'); process.exit(4); }
    const id = how === 'wrong' ? 'another' : name;
    const text = id + ' says';
    response.end(JSON.stringify(request.method === 'GET'
      ? { data: [{ id, root: model }] }
      : { choices: [{ index: 0, text, finish_reason: 'stop' }], usage: { prompt_tokens: 1, completion_tokens: 1 } }));
  }).listen(how === 'never ready' ? 0 : Number(port), '127.0.0.1');
`;

let folder: string;
let made: Awaited<ReturnType<typeof checkpoints>>;
let first: string;
let second: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'evalplanner-restart-'));
  made = await checkpoints(folder);
  first = await made.whole('M1-SFT', 0.5);
  second = await made.whole('M1-DPO', 0.25);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

let count = 0;
function served(how: string, options: Partial<RestartOptions> = {}) {
  const pids = join(folder, `pids-${++count}`);
  const loader = new Restart({
    command: [process.execPath, '-e', SERVER, '{model}', '{name}', '{port}', pids, how],
    log: join(folder, 'logs', `serve-${count}.log`),
    ...options,
  });
  const models = new ServedModels(loader, { connectPatience: 5, patience: 50, retryDelay: 1, timeout: 5000 });
  closing.push(() => models.close());
  const started = () =>
    existsSync(pids)
      ? readFileSync(pids, 'utf8')
          .trim()
          .split('\n')
          .map((line) => line.split(' ').map(Number))
      : [];
  return { models, loader, started };
}

const lives = (pid: number) => {
  try {
    process.kill(pid, 0);
    // One that is dead and not yet buried.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};
const nameOf = async (judge: string, place: string) => `${judge}-${(await identify(place)).weights}`;

describe('a server that is started here', () => {
  test('is another for each checkpoint, and ended with all that it started', async () => {
    const { models, started } = served('well');
    const m1 = await models.open('M1-SFT', first);
    expect(await ask(m1)).toBe(`${await nameOf('M1-SFT', first)} says`);
    expect(await ask(m1, 'two')).toBe(`${await nameOf('M1-SFT', first)} says`);
    // A checkpoint along a training that was kept is the same.
    await ask(await models.open('M1-SFT/step-4', first));
    expect(started()).toHaveLength(1);
    expect(await ask(await models.open('M1-DPO', second))).toBe(`${await nameOf('M1-DPO', second)} says`);
    expect(started()).toHaveLength(2);
    expect(started()[0]?.some(lives)).toBe(false);
    await models.rest();
    expect(started().flat().some(lives)).toBe(false);
    await ask(m1);
    expect(started()).toHaveLength(3);
  });

  test('ends with the process that started it, however that ended', async () => {
    const pids = join(folder, 'pids-killed');
    const script = join(folder, 'killed.ts');
    const started = JSON.stringify(fileURLToPath(new URL('process.ts', import.meta.url)));
    const command = JSON.stringify([process.execPath, '-e', SERVER, 'm', 'n', '0', pids]);
    await writeFile(
      script,
      `import { StartedServer } from ${started};
       new StartedServer(${command}, ${JSON.stringify(join(folder, 'killed.log'))});
       setInterval(() => {}, 1000);`,
    );
    const child = spawn(process.execPath, [script], { stdio: 'inherit' });
    while (!existsSync(pids) || !readFileSync(pids, 'utf8').includes('\n')) await wait(20);
    const [server, its] = readFileSync(pids, 'utf8').trim().split(' ').map(Number) as [number, number];
    expect([lives(server), lives(its)]).toEqual([true, true]);
    child.kill('SIGKILL');
    while (lives(server) || lives(its)) await wait(20);
  });

  test.each([
    ['dies', /ended by itself \(exit code 3\); it said: CUDA out of memory/],
    ['dies when asked', /ended by itself \(exit code 4\); it said: EngineDeadError/],
    ['wrong', /serves another \(.*\), not M1-SFT-\w+/],
    ['never ready', /was not ready in 0\.\d+ s: .* did not answer/],
  ])('that %s is told by its last words, and leaves nothing behind', async (how, message) => {
    const { models, started } = served(how, how === 'never ready' ? { startTimeout: 700 } : {});
    await expect(ask(await models.open('M1-SFT', first))).rejects.toMatchObject({
      code: 'model',
      message: expect.stringMatching(message),
      remedy: expect.stringContaining('serve.command'),
    });
    await models.close();
    expect(started().flat().some(lives)).toBe(false);
  });

  test('that does not take names is known by the folder that it serves', async () => {
    const pids = join(folder, 'pids-unnamed');
    const { models } = served('', {
      command: [process.execPath, '-e', SERVER, '{model}', 'judge', '{port}', pids],
    });
    expect(await ask(await models.open('M1-SFT', first))).toBe('judge says');
  });
});

describe('servers that a command restarts', () => {
  async function theirs(options: Partial<RestartOptions> = {}) {
    const server = await madeUpServer(made.base);
    closing.push(server.close);
    const told = join(folder, `told-${++count}`);
    // Their server becomes the new one a moment after the command has ended.
    const command = [
      process.execPath,
      '-e',
      "require('node:fs').appendFileSync(process.argv[1], process.argv[2] + ' ' + process.argv[3])",
      told,
      '{model}',
      '{name}',
    ];
    const { models } = served('', { command, url: [server.url], ...options });
    const restarts = async () => {
      while (!existsSync(told)) await wait(20);
      const [root = '', id = ''] = readFileSync(told, 'utf8').split(' ');
      await wait(50);
      server.models.splice(0, server.models.length, { id, root });
    };
    return { models, server, restarts };
  }

  test('are waited for until they serve the checkpoint', async () => {
    const { models, restarts } = await theirs();
    const asked = ask(await models.open('M1-SFT', first));
    await restarts();
    expect(await asked).toBe(`${await nameOf('M1-SFT', first)} says`);
  });

  test('and are refused by the name of what they serve if that does not come', async () => {
    const { models } = await theirs({ startTimeout: 300, command: ['true', '{model}', '{name}'] });
    await expect(ask(await models.open('M1-SFT', first))).rejects.toMatchObject({
      message: expect.stringMatching(/serves m0 \(.*base\), not M1-SFT-\w+/),
    });
  });

  test('a command that fails says how', async () => {
    const { models } = await theirs({ command: ['sh', '-c', 'echo no such host >&2; exit 7', '{model}'] });
    await expect(ask(await models.open('M1-SFT', first))).rejects.toMatchObject({
      message: expect.stringMatching(/failed \(7\): no such host/),
    });
  });
});

test('an adapter is refused before anything is asked', async () => {
  const { models } = served('well');
  const adapter = await made.adapter('M1-adapter', 1);
  await expect(models.ready(adapter)).rejects.toMatchObject({
    remedy: expect.stringContaining('lora.merge'),
  });
});
