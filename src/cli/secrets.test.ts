import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const CANARY = 'sk-canary-4f1d9a7be2c84653';
const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url));

/** A server that repeats the key wherever it can. */
async function gossip(status: number) {
  const hosts = new Set<string | undefined>();
  const keys = new Set<string | undefined>();
  const server = createServer((request, response) => {
    hosts.add(request.headers.host);
    keys.add(request.headers.authorization);
    const said = `you came with ${request.headers.authorization}`;
    const choice = {
      index: 0,
      finish_reason: 'stop',
      message: { content: `<plan> ${said} </plan> [[A]]`, reasoning_content: said },
    };
    const body =
      status === 200
        ? { choices: [choice], system_fingerprint: said }
        : { error: { message: said, code: said } };
    response.writeHead(status, {
      'content-type': 'application/json',
      'x-said': said,
      location: `http://${said}/`,
    });
    response.end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/v1`, hosts, keys, close: () => server.close() };
}

function judge(folder: string, url: string, ...more: string[]): Promise<string> {
  const pair = ['--instruction', 'Name a bird.', '--a', 'owl', '--b', 'cat'];
  const model = ['--base-url', url, '--model', 'x'];
  return run('judge', ...pair, ...model, '--store', join(folder, 'judged.db'), '--debug', ...more);
}

async function run(...args: string[]): Promise<string> {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: {
      ...process.env,
      THE_KEY: CANARY,
      OPENAI_API_KEY: CANARY.replace('4f1', '5a2'),
      OPENAI_LOG: 'debug',
    },
  });
  let said = '';
  child.stdout.on('data', (chunk) => {
    said += chunk;
  });
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  await once(child, 'close');
  return said;
}

test.concurrent.each([
  [200, ['--api-key-env', 'THE_KEY', '--json']],
  [200, ['--api-key-file', 'FOLDER/key']],
  [400, ['--api-key-env', 'THE_KEY', '--json']],
  [401, ['--api-key-env', 'THE_KEY']],
  [307, ['--api-key-env', 'THE_KEY']],
] as const)(
  'a server that answers %d and repeats the key brings it nowhere (%j)',
  async (status, options) => {
    const folder = mkdtempSync(join(tmpdir(), 'evalplanner-secrets-'));
    writeFileSync(join(folder, 'key'), `${CANARY}\n`);
    const server = await gossip(status);
    const said = await judge(
      folder,
      server.url,
      ...options.map((option) => option.replace('FOLDER', folder)),
    );
    server.close();
    expect(server.hosts.size).toBe(1);
    expect(said).not.toBe('');
    const ledger = readdirSync(folder)
      .filter((name) => name.startsWith('judged.db'))
      .map((name) => readFileSync(join(folder, name), 'latin1'));
    rmSync(folder, { recursive: true });
    for (const text of [said, ...ledger]) expect(text).not.toContain('canary');
    // It did come through: the words around the key are there.
    if (status === 200) expect(ledger.join()).toContain('you came with');
    else expect(said).toContain(status === 307 ? '307' : 'you came with');
  },
);

test.each([
  [[], undefined, /^note: the key goes to http:\/\/127\.0\.0\.1:\d+, not to http:\/\/127\.0\.0\.1:\d+$/m],
  [['--plan-api-key-env', 'OPENAI_API_KEY'], `Bearer ${CANARY.replace('4f1', '5a2')}`, /\[\[A\]\]/],
] as const)('a key goes to no other server than that of --model (%j)', async (options, planKey, says) => {
  const folder = mkdtempSync(join(tmpdir(), 'evalplanner-secrets-'));
  const [home, other] = [await gossip(200), await gossip(200)];
  const plan = ['--plan-model', `openai:p@${other.url}`, '--form', 'two-call'];
  const said = await judge(folder, home.url, '--api-key-env', 'THE_KEY', ...plan, ...options);
  for (const { close } of [home, other]) close();
  rmSync(folder, { recursive: true });
  expect([...home.keys]).toEqual([`Bearer ${CANARY}`]);
  expect([...other.keys]).toEqual([planKey]);
  expect(said).toMatch(says);
});

test('in bench build that model writes the answers; who checks them gets no key of another server', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'evalplanner-secrets-'));
  const [writer, checker] = [await gossip(200), await gossip(200)];
  const rows = [0, 1].map((level) => ({
    example_id: 1,
    category: 'style',
    source: 'x',
    level,
    instruction: `Name a bird.${' Politely.'.repeat(level)}`,
    target: '',
  }));
  writeFileSync(join(folder, 'style_constraints.json'), JSON.stringify(rows));
  const models = ['--model', `openai:w@${writer.url}`, '--check-model', `openai:c@${checker.url}`];
  const files = ['--data', folder, '--out', join(folder, 'built.jsonl')];
  const said = await run('bench', 'build', 'followbench', ...files, ...models, '--api-key-env', 'THE_KEY');
  for (const { close } of [writer, checker]) close();
  rmSync(folder, { recursive: true });
  expect(said).not.toContain('canary');
  expect([...writer.keys]).toEqual([`Bearer ${CANARY}`]);
  expect([...checker.keys].filter((key) => key !== undefined)).toEqual([]);
});
