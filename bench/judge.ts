/** `npm run bench:judge`: the judge beside the raw fetch floor, a loop over the AI SDK and promptfoo, against a local
 * OpenAI-style server with a fixed latency; then with faults, and killed again and again.
 * Options after `--`: `--json` (one object), `--repeats n` (3), `--no-promptfoo`, `--no-kills`. Exit code 1 when a target is missed. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ClientOptions, ClientResult } from './judge/client.ts';
import { type Kills, killed } from './judge/kills.ts';
import { runClient, startServer } from './judge/process.ts';
import { installPromptfoo, type PromptfooResult, promptfoo } from './judge/promptfoo.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    repeats: { type: 'string', default: '3' },
    'no-promptfoo': { type: 'boolean', default: false },
    'no-kills': { type: 'boolean', default: false },
  },
});
const say = (text: string) => process.stderr.write(`${text}\n`);
const folder = mkdtempSync(join(tmpdir(), 'evalplanner-bench-'));
let ledgers = 0;
const ledger = () => join(folder, `${ledgers++}.db`);

interface Loads {
  readonly floor: number;
  readonly ours: number;
  readonly aiSdk: number;
  /** Medians of the ratios to the floor of the same round. */
  readonly oursByFloor: number;
  readonly aiSdkByFloor: number;
  readonly rssMB: { readonly floor: number; readonly ours: number; readonly aiSdk: number };
}

/** Each client in turn, several times: a machine's mood then weighs on all alike. */
async function load(calls: number, latency: number, concurrency: number): Promise<Loads> {
  const rounds: Record<'floor' | 'ours' | 'ai-sdk', ClientResult>[] = [];
  for (let round = 0; round < Number(values.repeats); round++) {
    const measure = async (kind: ClientOptions['kind']) => {
      const server = await startServer({ latency });
      const result = await runClient({ kind, url: server.url, calls, concurrency, ledger: ledger() });
      server.close();
      if (result.answered !== calls) say(`${kind}: ${result.answered} of ${calls} answered`);
      return result;
    };
    rounds.push({
      floor: await measure('floor'),
      ours: await measure('ours'),
      'ai-sdk': await measure('ai-sdk'),
    });
    say(
      `${calls} calls at ${latency} ms, ${concurrency} in flight: round ${round + 1} of ${values.repeats} done`,
    );
  }
  const middle = (figure: (round: (typeof rounds)[number]) => number) => median(rounds.map(figure));
  return {
    floor: middle(({ floor }) => floor.seconds),
    ours: middle(({ ours }) => ours.seconds),
    aiSdk: middle((round) => round['ai-sdk'].seconds),
    oursByFloor: middle(({ ours, floor }) => ours.seconds / floor.seconds),
    aiSdkByFloor: middle((round) => round['ai-sdk'].seconds / round.floor.seconds),
    rssMB: {
      floor: middle(({ floor }) => floor.rssMB),
      ours: middle(({ ours }) => ours.rssMB),
      aiSdk: middle((round) => round['ai-sdk'].rssMB),
    },
  };
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] as number;
}

async function faults() {
  const server = await startServer({
    latency: 20,
    refuseEvery: 5,
    retryAfter: 1,
    error500: 0.03,
    drop: 0.02,
    truncate: 0.01,
    hang: 0.01,
    empty: 0.01,
  });
  const asked = 10_000;
  const run = { url: server.url, calls: asked, concurrency: 128 };
  const ours = await runClient({ kind: 'ours', ...run, timeout: 2, ledger: ledger() });
  const stats = await server.stats();
  server.close();
  const { answered: recorded, twice, seconds } = ours;
  return {
    asked,
    recorded,
    lost: asked - recorded,
    twice,
    seconds,
    calls: stats.calls,
    faults: stats.faults,
  };
}

const short = await load(1000, 200, 32);
const long = await load(10_000, 20, 128);
const server = await startServer({ latency: 20 });
const most = await runClient({
  kind: 'ours',
  url: server.url,
  calls: 100_000,
  concurrency: 128,
  ledger: ledger(),
});
server.close();
say('100000 calls done');
const another = await startServer({ latency: 20 });
const library = await runClient({
  kind: 'library',
  url: another.url,
  calls: 10_000,
  concurrency: 128,
  ledger: ledger(),
});
another.close();
const faulty = await faults();
say('faults done');
const kills: Kills | null = values['no-kills'] ? null : await killed(folder, 10_000, 128, 20);
let foo: { readonly short: PromptfooResult; readonly long: PromptfooResult } | null = null;
const home = values['no-promptfoo'] ? null : installPromptfoo(join(folder, 'promptfoo'));
if (values['no-promptfoo']) say('SKIPPED: promptfoo, by --no-promptfoo');
if (home !== null) {
  const measure = async (calls: number, latency: number, concurrency: number) => {
    const server = await startServer({ latency });
    const result = await promptfoo(home, folder, { url: server.url, calls, concurrency });
    server.close();
    return result;
  };
  foo = { short: await measure(1000, 200, 32), long: await measure(10_000, 20, 128) };
}
rmSync(folder, { recursive: true, force: true });

const report = {
  ratios: { '1000x200ms/floor': short.oursByFloor, '10000x20ms/floor': long.oursByFloor },
  rssMB: { '10000': long.rssMB.ours, '100000': most.rssMB },
  library: { rssMB: library.rssMB },
  faults: faulty,
  kills,
  peers: {
    'ai-sdk': {
      '1000x200ms/floor': short.aiSdkByFloor,
      '10000x20ms/floor': long.aiSdkByFloor,
      rssMB: long.rssMB.aiSdk,
    },
    promptfoo: foo && {
      '1000x200ms/floor': foo.short.seconds / short.floor,
      '10000x20ms/floor': foo.long.seconds / long.floor,
      rssMB: foo.long.rssMB,
    },
  },
  seconds: {
    '1000x200ms': {
      floor: short.floor,
      ours: short.ours,
      'ai-sdk': short.aiSdk,
      promptfoo: foo?.short.seconds ?? null,
    },
    '10000x20ms': {
      floor: long.floor,
      ours: long.ours,
      'ai-sdk': long.aiSdk,
      promptfoo: foo?.long.seconds ?? null,
    },
    '100000x20ms': { ours: most.seconds },
  },
};

const targets: readonly (readonly [string, boolean])[] = [
  ['1,000 calls at 200 ms within 1.05 × the floor', report.ratios['1000x200ms/floor'] <= 1.05],
  ['10,000 calls at 20 ms within 1.5 × the floor', report.ratios['10000x20ms/floor'] <= 1.5],
  ['at most 250 MB for 100,000 calls', report.rssMB['100000'] <= 250],
  ['and within 15 % of that for 10,000', report.rssMB['100000'] <= 1.15 * report.rssMB['10000']],
  ['none lost, none twice', faulty.lost === 0 && faulty.twice === 0],
  [
    'a kill repeats only what was in flight',
    kills === null || (kills.identical && kills.repeated <= kills.allowed),
  ],
];
process.stdout.write(values.json ? `${JSON.stringify(report, null, 2)}\n` : table());
if (targets.some(([, met]) => !met)) process.exitCode = 1;

function table(): string {
  const row = (
    name: string,
    one: number | undefined,
    two: number | undefined,
    by: readonly (number | undefined)[],
    rss?: number,
  ) => {
    const figure = (value: number | undefined, digits: number, unit: string) =>
      (value === undefined ? '–' : `${value.toFixed(digits)}${unit}`).padStart(10);
    return `${name.padEnd(14)}${figure(one, 2, ' s')}${figure(by[0], 2, ' ×')}${figure(two, 2, ' s')}${figure(by[1], 2, ' ×')}${figure(rss, 0, ' MB')}`;
  };
  const lines = [
    `${''.padEnd(14)}${'1,000 × 200 ms, 32'.padStart(20)}${'10,000 × 20 ms, 128'.padStart(20)}${'memory'.padStart(10)}`,
    row('fetch', short.floor, long.floor, [1, 1], long.rssMB.floor),
    row('evalplanner', short.ours, long.ours, [short.oursByFloor, long.oursByFloor], long.rssMB.ours),
    row('AI SDK', short.aiSdk, long.aiSdk, [short.aiSdkByFloor, long.aiSdkByFloor], long.rssMB.aiSdk),
    foo
      ? row(
          'promptfoo',
          foo.short.seconds,
          foo.long.seconds,
          [foo.short.seconds / short.floor, foo.long.seconds / long.floor],
          foo.long.rssMB,
        )
      : 'promptfoo      skipped',
    '',
    `100,000 calls   ${most.seconds.toFixed(1)} s, ${most.rssMB.toFixed(0)} MB`,
    `imported        ${library.rssMB.toFixed(0)} MB for 10,000 calls: a process of the user's own, where V8 is left as it is`,
    `faults          ${faulty.asked} asked, ${faulty.recorded} recorded, ${faulty.lost} lost, ${faulty.twice} twice; ${faulty.calls} calls in ${faulty.seconds.toFixed(0)} s`,
    kills
      ? `kills           ${kills.kills}: ${kills.recorded} recorded, ${kills.repeated} answers repeated of ${kills.allowed} that may be, results ${kills.identical ? 'identical' : 'DIFFERENT'}`
      : 'kills           skipped',
    '',
    ...targets.map(([name, met]) => `${met ? 'met   ' : 'MISSED'}  ${name}`),
  ];
  return `${lines.join('\n')}\n`;
}
