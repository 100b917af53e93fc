import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readStore } from '../store/ledger.ts';
import { run } from './run.contract.ts';

/** An outage at the command line: exit code 3, two lines, and the same command goes on. */

const folder = mkdtempSync(join(tmpdir(), 'evalplanner-cli-outage-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Reply = (response: ServerResponse) => void;

const fails =
  (status: number, error: object): Reply =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ error }));
  };

/** Answers `healthy` calls, then all others by the fault. */
let healthy = Number.POSITIVE_INFINITY;
let fault: Reply;
let calls = 0;
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  if (calls++ >= healthy) return fault(response);
  const { messages } = JSON.parse(Buffer.concat(chunks).toString());
  const content = `${JSON.stringify(messages).length} [[A]]`;
  const choices = [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }];
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ choices }));
});
let url = '';
beforeEach(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const pairs = join(folder, 'pairs.jsonl');
const benchmark = join(folder, 'benchmark.jsonl');
const instructions = join(folder, 'instructions.jsonl');
const lines = (row: (i: number) => object) =>
  Array.from({ length: 20 }, (_, i) => `${JSON.stringify(row(i))}\n`).join('');
writeFileSync(
  pairs,
  lines((i) => ({ instruction: `question ${i}`, a: 'yes', b: 'no' })),
);
writeFileSync(
  benchmark,
  lines((id) => ({ id, instruction: `question ${id}`, chosen: 'yes', rejected: 'no' })),
);
writeFileSync(
  instructions,
  lines((i) => ({ instruction: `question ${i}`, response: 'yes' })),
);

const FAULTS: readonly [name: string, Reply, what: RegExp, fix: RegExp][] = [
  [
    'a refused key',
    fails(401, { message: 'Incorrect API key provided', code: 'invalid_api_key' }),
    /cannot be used: 401 Incorrect API key provided/,
    /--api-key-env or --api-key-file/,
  ],
  [
    'a lost model',
    fails(404, { message: 'The model x does not exist' }),
    /cannot be used: 404 The model x does not exist/,
    /check the address .*, the model's name/,
  ],
  [
    'money that ran out',
    fails(429, { message: 'You exceeded your quota', code: 'insufficient_quota' }),
    /cannot be used: 429 You exceeded your quota/,
    /add credit/,
  ],
  [
    'a server that refuses everything as bad',
    fails(400, { message: 'no slot is loaded' }),
    /8 requests in a row failed alike: .*400 no slot is loaded/,
    /change what the server refuses/,
  ],
];

const COMMANDS: Readonly<Record<string, (name: string) => { args: string[]; ledger: string }>> = {
  judge: (name) => ({
    args: ['judge', pairs, '--json', '--store', join(folder, `${name}.db`)],
    ledger: join(folder, `${name}.db`),
  }),
  bench: (name) => ({
    args: ['bench', 'custom', '--data', benchmark, '--json', '--out', join(folder, name)],
    ledger: join(folder, name, 'run.db'),
  }),
  pairs: (name) => ({
    args: ['pairs', instructions, '--near-duplicates', 'off', '--out', join(folder, `${name}.jsonl`)],
    ledger: join(folder, `${name}.jsonl.db`),
  }),
};

describe.each(Object.entries(COMMANDS))('%s', (command, of) => {
  test.each(FAULTS)(
    '%s: exit code 3, two lines, and the same command goes on',
    async (name, reply, what, fix) => {
      const { args, ledger } = of(`${command} ${name}`);
      const ask = () =>
        run(...args, '--model', 'x', '--base-url', url, '--revision', 'one', '--concurrency', '2');
      [healthy, fault, calls] = [5, reply, 0];
      const { code, err } = await ask();
      expect(code).toBe(3);
      const said = err.split('\n').filter((line) => /^(error|fix): /.test(line));
      // Judge tells of each pair, too, and in the same two lines.
      expect(said.every((line, i) => line.startsWith(i % 2 === 0 ? 'error: ' : 'fix: '))).toBe(true);
      expect(command === 'judge' || said.length === 2).toBe(true);
      expect(said.slice(-2)).toEqual([expect.stringMatching(what), expect.stringMatching(fix)]);
      expect(err).toMatch(/^error: .*\nfix: .*\n$/m);
      const kept = stops(ledger);
      expect(kept).toBeGreaterThanOrEqual(3);
      expect(readdirSync(folder).filter((file) => file === `${command} ${name}.jsonl`)).toEqual([]);
      [healthy, calls] = [Number.POSITIVE_INFINITY, 0];
      const again = await ask();
      // Answers of this server are no pairs.
      expect(again.code).toBe(command === 'pairs' ? 2 : 0);
      expect(calls).toBe(stops(ledger) - kept);
    },
  );
});

function stops(ledger: string): number {
  using store = readStore(ledger);
  return store.counts().generations.stop;
}

test('a key that a server repeats is not told', async () => {
  const key = join(folder, 'key');
  writeFileSync(key, 'sk-canary-0123456789');
  [healthy, fault, calls] = [0, fails(401, { message: 'no such key: sk-canary-0123456789' }), 0];
  const { args, ledger } = (COMMANDS.judge as (typeof COMMANDS)['judge'])('key') as {
    args: string[];
    ledger: string;
  };
  const { code, err } = await run(...args, '--model', 'x', '--base-url', url, '--api-key-file', key);
  expect(code).toBe(3);
  expect(err).toMatch(/401 no such key: \[key\]/);
  expect(readFileSync(ledger).includes('canary')).toBe(false);
});
