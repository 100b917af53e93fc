import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { type RunningServer, serve } from '../../../bench/servers/openai.ts';
import type { BenchmarkReport } from '../../report/bench/report.ts';

/** The real binary against a local server, stopped in the middle. */

const BIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'evalplanner-bench-stop-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PAIRS = 1500;
const CONCURRENCY = 16;
const data = join(folder, 'pairs.jsonl');
writeFileSync(
  data,
  Array.from(
    { length: PAIRS },
    (_, i) => `${JSON.stringify({ id: i, instruction: `question ${i}`, chosen: 'yes', rejected: 'no' })}\n`,
  ).join(''),
);

function bench(url: string, out: string): ChildProcess {
  const model = [
    '--model',
    'x',
    '--base-url',
    url,
    '--form',
    'planned',
    '--revision',
    'test',
    '--concurrency',
    String(CONCURRENCY),
  ];
  const rest = ['--data', data, ...model, '--out', join(folder, out), '--json'];
  return spawn(process.execPath, [BIN, 'bench', 'custom', ...rest], { stdio: ['ignore', 'ignore', 'pipe'] });
}

async function ended(child: ChildProcess): Promise<{ code: number | null; err: string }> {
  let err = '';
  child.stderr?.on('data', (text) => {
    err += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, err };
}

async function stopAt({ stats, url }: RunningServer, out: string, answers: number, signal: NodeJS.Signals) {
  const child = bench(url, out);
  const end = ended(child);
  while (stats.answered < answers && child.exitCode === null) await setTimeout(5);
  child.kill(signal);
  return end;
}

const read = (out: string) =>
  JSON.parse(readFileSync(join(folder, out, 'report.json'), 'utf8')) as BenchmarkReport;
/** All but what a run took: stopped ones take longer. */
const result = (out: string) => read(out).benchmarks.map(({ effort: _, ...score }) => score);

test('a bench that is killed and interrupted ends with the same report, and asks again only for what was in flight', async () => {
  const undisturbed = await serve({ latency: 10 });
  expect(await ended(bench(undisturbed.url, 'whole'))).toMatchObject({ code: 0 });
  await undisturbed.close();

  const server = await serve({ latency: 10 });
  await stopAt(server, 'stopped', 600, 'SIGKILL');
  const interrupted = await stopAt(server, 'stopped', 1500, 'SIGINT');
  expect(interrupted.code).toBe(130);
  expect(interrupted.err).toMatch(/stopped; what was done so far is kept in .*\nfix: run the same command/);
  await stopAt(server, 'stopped', 2200, 'SIGKILL');
  expect(await ended(bench(server.url, 'stopped'))).toMatchObject({ code: 0 });

  expect(result('stopped')).toEqual(result('whole'));
  expect(readFileSync(join(folder, 'stopped', 'verdicts', 'custom.jsonl'), 'utf8')).toBe(
    readFileSync(join(folder, 'whole', 'verdicts', 'custom.jsonl'), 'utf8'),
  );
  expect(server.stats.repeated).toBeLessThanOrEqual(3 * CONCURRENCY);
  const [whole, stopped] = [read('whole'), read('stopped')].map(({ benchmarks }) => benchmarks[0]?.effort);
  expect(stopped?.generations).toBe(2 * PAIRS);
  expect(stopped?.completionTokens).toBe(whole?.completionTokens);
  expect(stopped?.asked).toBeLessThan(2 * PAIRS - 1500);
  // Again: nothing is asked.
  const before = server.stats.calls;
  expect(await ended(bench(server.url, 'stopped'))).toMatchObject({ code: 0 });
  expect(server.stats.calls).toBe(before);
  expect(result('stopped')).toEqual(result('whole'));
  await server.close();
});
