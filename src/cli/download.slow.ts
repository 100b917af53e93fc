import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type FakeHub, startHub } from '../hub/server.contract.ts';
import { filesOf } from '../model/local/hub-models.contract.ts';
import { SEED_FOLDER } from '../package.ts';

let hub: FakeHub;
beforeAll(async () => {
  hub = await startHub({ models: { 'mine/seed': { main: await filesOf(join(SEED_FOLDER, 'model')) } } });
});
afterAll(() => hub.close());

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'download-'));
  hub.asked.length = 0;
});
afterEach(() => rmSync(home, { recursive: true }));

const MAIN = join(import.meta.dirname, 'main.ts');
const JUDGE = [
  'judge',
  '--model',
  'hf:mine/seed',
  '--instruction',
  'Count down from 9 to 5.',
  '--a',
  '9 8 7 6 5',
  '--b',
  '9 8',
];

function judge(): {
  readonly child: ChildProcess;
  readonly end: Promise<{ code: number | null; err: string }>;
} {
  const env = { ...process.env, HF_ENDPOINT: hub.url, HF_HOME: home, HF_TOKEN: '', HF_HUB_OFFLINE: '0' };
  const child = spawn(process.execPath, [MAIN, ...JUDGE], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let err = '';
  child.stderr.on('data', (text) => {
    err += text;
  });
  const end = new Promise<{ code: number | null; err: string }>((resolve) =>
    child.on('close', (code) => resolve({ code, err })),
  );
  return { child, end };
}

function part(): number {
  const blobs = join(home, 'hub', 'models--mine--seed', 'blobs');
  try {
    const [name] = readdirSync(blobs).filter((file) => file.endsWith('.incomplete'));
    return name === undefined ? 0 : statSync(join(blobs, name)).size;
  } catch {
    return 0;
  }
}

test.each(['SIGINT', 'SIGKILL'] as const)(
  '%s in the middle of a download: the next command goes on from there',
  async (signal) => {
    hub.fault = ({ url = '', headers }) =>
      url.startsWith('/lfs/') && headers.range !== 'bytes=0-0' ? 'stall' : null;
    const first = judge();
    while (part() < 500_000) await sleep(50);
    await sleep(300);
    first.child.kill(signal);
    const { code, err } = await first.end;
    if (signal === 'SIGINT') {
      expect(code).toBe(130);
      expect(err).toContain(
        'error: stopped before mine/seed was downloaded\nfix: run the same command again',
      );
    }
    const had = part();
    expect(had).toBeGreaterThan(500_000);
    const ranges: string[] = [];
    hub.fault = ({ url = '', headers }) => {
      if (url.startsWith('/lfs/') && headers.range) ranges.push(headers.range);
      return null;
    };
    const again = await judge().end;
    expect(again.code).toBe(0);
    // Asked with the prompts that its evalplanner.json names: it knows all their words.
    expect(again.err).not.toContain('vocabulary');
    expect(ranges).toContain(
      `bytes=${had}-${statSync(join(SEED_FOLDER, 'model', 'model.safetensors')).size - 1}`,
    );
    expect(part()).toBe(0);
  },
);
