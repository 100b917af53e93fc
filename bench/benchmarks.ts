/** `npm run bench:benchmarks`: `evalplanner bench rewardbench --orders both`, the whole command from its start to its report,
 * beside the raw fetch floor of the same prompts, against a local server with a fixed latency; then loading and scoring of
 * every benchmark in the data folder. Options after `--`: `--json`, `--data DIR` (../shared/data), `--repeats n` (2),
 * `--latency ms` (200), `--concurrency n` (32). Exit code 1 when a target is missed, 2 without data. */
import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import type { BenchmarkReport } from '../src/report/bench/report.ts';
import type { FloorOptions, FloorResult } from './benchmarks/floor.ts';
import type { ScoredAll } from './benchmarks/score-all.ts';
import { startServer } from './judge/process.ts';

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    data: { type: 'string', default: '../shared/data' },
    repeats: { type: 'string', default: '2' },
    latency: { type: 'string', default: '200' },
    concurrency: { type: 'string', default: '32' },
  },
});
const { data } = values;
const concurrency = Number(values.concurrency);
if (!existsSync(data)) {
  process.stderr.write(
    `error: there is no ${data}\nfix: give the folder of the benchmarks with --data DIR\n`,
  );
  process.exit(2);
}
const folder = mkdtempSync(join(tmpdir(), 'evalplanner-benchmarks-'));

async function run(args: readonly string[]): Promise<{ seconds: number; out: string }> {
  const start = performance.now();
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 2 ** 26 });
  return { seconds: (performance.now() - start) / 1000, out: stdout };
}

async function floor(): Promise<FloorResult> {
  const server = await startServer({ latency: Number(values.latency) });
  const options: FloorOptions = { url: server.url, data, benchmark: 'rewardbench', concurrency };
  const { out } = await run([path('benchmarks/floor.ts'), JSON.stringify(options)]);
  server.close();
  return JSON.parse(out) as FloorResult;
}

interface Ours {
  readonly seconds: number;
  readonly calls: number;
  /** From the start of the command to its first call, and from the last answer to its end. */
  readonly before: number;
  readonly after: number;
}

async function ours(round: number): Promise<Ours> {
  const server = await startServer({ latency: Number(values.latency) });
  const out = join(folder, String(round));
  const model = ['--model', 'x', '--base-url', server.url, '--revision', 'bench'];
  const rest = ['--orders', 'both', '--concurrency', String(concurrency), '--out', out, '--json'];
  const main = path('../src/cli/main.ts');
  const start = Date.now();
  const { seconds } = await run([main, 'bench', 'rewardbench', '--data', data, ...model, ...rest]);
  const { firstCall, lastAnswer } = await server.stats();
  const { benchmarks } = JSON.parse(readFileSync(join(out, 'report.json'), 'utf8')) as BenchmarkReport;
  server.close();
  return {
    seconds,
    calls: benchmarks[0]?.effort?.generations ?? 0,
    before: (firstCall - start) / 1000,
    after: seconds - (lastAnswer - start) / 1000,
  };
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1] as number;
}

const rounds: { floor: number; ours: number; before: number; after: number }[] = [];
let calls = 0;
for (let round = 0; round < Number(values.repeats); round++) {
  const base = await floor();
  const whole = await ours(round);
  if (whole.calls !== base.answered)
    process.stderr.write(`ours made ${whole.calls} generations, the floor ${base.answered}\n`);
  calls = whole.calls;
  rounds.push({ floor: base.seconds, ours: whole.seconds, before: whole.before, after: whole.after });
  process.stderr.write(
    `round ${round + 1} of ${values.repeats}: floor ${base.seconds.toFixed(2)} s, ours ${whole.seconds.toFixed(2)} s\n`,
  );
}
const scored = await run([path('benchmarks/score-all.ts'), data]);
rmSync(folder, { recursive: true, force: true });
const report = {
  calls,
  latency: Number(values.latency),
  concurrency,
  floorSeconds: median(rounds.map((one) => one.floor)),
  oursSeconds: median(rounds.map((one) => one.ours)),
  beforeFirstCallSeconds: median(rounds.map((one) => one.before)),
  afterLastAnswerSeconds: median(rounds.map((one) => one.after)),
  oursByFloor: median(rounds.map((one) => one.ours / one.floor)),
  scoring: { seconds: scored.seconds, ...(JSON.parse(scored.out) as ScoredAll) },
};
const { scoring } = report;
const targets: readonly (readonly [string, boolean])[] = [
  ['RewardBench in both orders within 1.05 × the floor', report.oursByFloor <= 1.05],
  ['loading and scoring all in under 3 s', scoring.seconds < 3],
  ['and 300 MB', scoring.rssMB < 300],
];
if (values.json) process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
else
  process.stdout.write(`RewardBench, both orders: ${calls} calls at ${report.latency} ms, ${concurrency} in flight
  fetch         ${report.floorSeconds.toFixed(2)} s
  evalplanner   ${report.oursSeconds.toFixed(2)} s, from start to report: ${report.oursByFloor.toFixed(3)} × the floor
                ${report.beforeFirstCallSeconds.toFixed(2)} s before the first call, ${report.afterLastAnswerSeconds.toFixed(2)} s after the last answer

Loading and scoring ${Object.entries(scoring.pairs)
    .map(([name, pairs]) => `${name} ${pairs}`)
    .join(', ')}
  whole process ${scoring.seconds.toFixed(2)} s, ${scoring.rssMB.toFixed(0)} MB; loading ${scoring.loadSeconds.toFixed(2)} s, scoring ${scoring.scoreSeconds.toFixed(2)} s

${targets.map(([name, met]) => `${met ? 'met   ' : 'MISSED'}  ${name}`).join('\n')}
`);
if (targets.some(([, met]) => !met)) process.exitCode = 1;
