import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ledgerRows } from '../../pipeline/made-up-run.contract.ts';
import type { Report } from '../../report/run/report.ts';
import { readStore } from '../../store/ledger.ts';
import type { LedgerReader } from '../../store.ts';

/** Real demos in processes of their own, with the real seed model: killed, interrupted, out of disk, damaged. */

const BIN = fileURLToPath(new URL('../main.ts', import.meta.url));
const ARGUMENTS = ['demo', '--preset', 'tiny', '--seed', '5'];

interface Outcome {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** A signal, and the place of the run that it comes at, as its ledger tells. */
type Stop = readonly [signal: NodeJS.Signals, at: (ledger: LedgerReader) => boolean];

/** Milliseconds between two looks at a ledger. */
const LOOK = 5;

/** Runs the demo in `folder`; with `stop`, sends it the signal when it is there. */
function demo(
  folder: string,
  { stop, args = ARGUMENTS }: { stop?: Stop; args?: readonly string[] } = {},
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [BIN, ...args, '--out', folder], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let ledger: LedgerReader | undefined;
    const look = ([signal, at]: Stop) => {
      try {
        ledger ??= readStore(join(folder, 'run.db'));
        if (at(ledger)) {
          clearInterval(timer);
          child.kill(signal);
        }
      } catch {
        // Not yet made.
      }
    };
    const timer = stop && setInterval(look, LOOK, stop);
    let [out, err] = ['', ''];
    child.stdout.on('data', (text) => {
      out += text;
    });
    child.stderr.on('data', (text) => {
      err += text;
    });
    child.on('close', (code, signal) => {
      clearInterval(timer);
      ledger?.close();
      resolve({ code, signal, out, err });
    });
  });
}

const rows = (folder: string) => ledgerRows(join(folder, 'run.db'));

/** What a run has made, without times: ledger, weights, training rows, and the report's figures. */
function made(folder: string) {
  const digest = (path: string) =>
    createHash('sha256')
      .update(readFileSync(join(folder, path)))
      .digest('hex')
      .slice(0, 12);
  const files = globSync(['checkpoints/*/*/model.safetensors', 'data/*.jsonl'], { cwd: folder }).sort();
  const { stages, comparisons, habits, samples, counts } = JSON.parse(
    readFileSync(join(folder, 'report.json'), 'utf8'),
  ) as Report;
  return {
    ledger: rows(folder),
    files: Object.fromEntries(files.map((path) => [path.replaceAll('\\', '/'), digest(path)])),
    report: { stages, comparisons, habits, samples, counts },
  };
}

let root: string;
let whole: string;
let table: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'evalplanner-slow-'));
  whole = join(root, 'whole');
  const { code, out, err } = await demo(whole);
  expect(err).not.toContain('error:');
  expect(code).toBe(0);
  table = out;
}, 300_000);
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('a demo leaves its ledger, config, checkpoints, training rows and both reports', () => {
  for (const name of ['run.db', 'config.json', 'report.json', 'report.html', 'data', 'checkpoints/M2-DPO']) {
    expect(existsSync(join(whole, name)), name).toBe(true);
  }
  expect(globSync('**/*{.draft*,.state}', { cwd: whole })).toEqual([]);
  expect(table).toMatch(/^M2-DPO +\d/m);
});

test('a finished demo prints the same table at once', async () => {
  const before = made(whole);
  const started = performance.now();
  expect(await demo(whole)).toMatchObject({ code: 0, out: table });
  expect(performance.now() - started).toBeLessThan(10_000);
  expect(made(whole)).toEqual(before);
  const json = await demo(whole, { args: [...ARGUMENTS, '--json'] });
  expect((JSON.parse(json.out) as Report).stages).toEqual(before.report.stages);
});

/** In the order of the run, one of each kind of stage at least. */
const STOPS: readonly Stop[] = [
  ['SIGKILL', (ledger) => (ledger.counts().pairs.d1 ?? 0) > 0],
  ['SIGINT', (ledger) => ledger.stage('judge M0')?.status === 'running'],
  ['SIGKILL', (ledger) => (ledger.counts().plans[1] ?? 0) > 0],
  ['SIGKILL', (ledger) => (ledger.counts().steps['M1-SFT'] ?? 0) > 1],
  // Trained, and not yet chosen.
  ['SIGINT', (ledger) => (ledger.counts().evaluations['M1-DPO/start'] ?? 0) > 0],
  ['SIGKILL', (ledger) => ledger.stage('judge M1-DPO')?.status === 'running'],
  ['SIGINT', (ledger) => (ledger.counts().thoughts[2]?.total ?? 0) > 0],
  ['SIGINT', (ledger) => (ledger.counts().steps['M2-DPO'] ?? 0) > 0],
  ['SIGKILL', (ledger) => ledger.stage('thoughts 11')?.status === 'running'],
  ['SIGKILL', (ledger) => (ledger.counts().steps.unplanned ?? 0) > 0],
];

test('a demo that is killed and stopped at places of each kind of stage ends like one that never was', async () => {
  const folder = join(root, 'killed');
  let stored = new Set<string>();
  for (const [place, stop] of STOPS.entries()) {
    const [signal] = stop;
    const outcome = await demo(folder, { stop });
    const generations = new Set(rows(folder).generations);
    expect([...stored].filter((line) => !generations.has(line))).toEqual([]);
    stored = generations;
    if (signal === 'SIGKILL') expect(outcome.signal, `place ${place}`).toBe('SIGKILL');
    else {
      expect(outcome.code, `place ${place}`).toBe(130);
      expect(outcome.err).toMatch(/error: stopped.*\nfix: run the same command again.*\n$/);
    }
  }
  expect(await demo(folder)).toMatchObject({ code: 0, out: table });
  expect(made(folder)).toEqual(made(whole));
});

describe('a folder that cannot be continued is refused and left as it is', () => {
  const copy = (name: string) => {
    const folder = join(root, name);
    cpSync(whole, folder, { recursive: true });
    return folder;
  };

  test('another run', async () => {
    const { code, err } = await demo(whole, { args: ['demo', '--preset', 'tiny', '--seed', '6'] });
    expect(code).toBe(2);
    expect(err).toMatch(/^error: .*another run.*seed 5.*\nfix: .*--out.*\n$/);
  });

  test('a damaged ledger', async () => {
    const folder = copy('damaged');
    const noise = Buffer.alloc(20_000, 'noise');
    writeFileSync(join(folder, 'run.db'), noise);
    rmSync(join(folder, 'run.db-wal'), { force: true });
    const { code, err } = await demo(folder);
    expect(code).toBe(2);
    expect(err).toMatch(/^error: .*run\.db is damaged.*\nfix: .+\n$/);
    expect(readFileSync(join(folder, 'run.db')).equals(noise)).toBe(true);
  });

  test('a cut checkpoint, and one that is gone', async () => {
    const folder = copy('cut');
    const db = new DatabaseSync(join(folder, 'run.db'));
    db.exec(
      "UPDATE stages SET status = 'planned' WHERE name = 'judge M2-DPO'; DELETE FROM evaluations WHERE stage = 'M2-DPO'",
    );
    db.close();
    const [path] = globSync('checkpoints/M2-DPO/model.safetensors', { cwd: folder }).slice(-1);
    for (const weights of globSync('checkpoints/M2-DPO/model.safetensors', { cwd: folder })) {
      truncateSync(join(folder, weights), 100_000);
    }
    const before = rows(folder);
    const { code, err } = await demo(folder);
    expect(path).toBeDefined();
    expect(code).toBe(3);
    expect(err).toMatch(/error: .*model\.safetensors.*\nfix: restore .*--out.*\n$/);
    // Gone, it is chosen again from its steps; where they are gone too it is trained again, to the same weights.
    const checkpoints = join(folder, 'checkpoints');
    for (const names of [['M2-DPO'], ['M2-DPO', join('steps', 'M2-DPO')]]) {
      for (const name of names) rmSync(join(checkpoints, name), { recursive: true });
      expect(await demo(folder)).toMatchObject({ code: 0 });
      expect(rows(folder).generations).toEqual(before.generations);
    }
    const weights = join('checkpoints', 'M2-DPO', 'model.safetensors');
    expect(readFileSync(join(folder, weights)).equals(readFileSync(join(whole, weights)))).toBe(true);
  });
});

test('a reader that goes away is no error', async () => {
  const command = `"${process.execPath}" "${BIN}" ${ARGUMENTS.join(' ')} --json --out "${whole}" | head -c 10`;
  const out = execFileSync('bash', ['-o', 'pipefail', '-c', command], { stdio: ['ignore', 'pipe', 'pipe'] });
  expect(String(out)).toHaveLength(10);
});

const canMount = process.platform === 'linux' && process.getuid?.() === 0;
if (!canMount) console.warn('SKIPPED: the test of full disks needs root on Linux (it mounts a small tmpfs)');

test.skipIf(!canMount)(
  'a disk that is full again and again: two lines, exit code 3, and nothing lost',
  async () => {
    const folder = join(root, 'full');
    mkdirSync(folder);
    const size = (kib: number) => `size=${kib}k`;
    execFileSync('mount', ['-t', 'tmpfs', '-o', size(64), 'tmpfs', folder]);
    try {
      let stored = new Set<string>();
      const failures: string[] = [];
      for (let kib = 64; ; kib = Math.round(kib * 1.7)) {
        execFileSync('mount', ['-o', `remount,${size(kib)}`, folder]);
        const { code, err } = await demo(join(folder, 'run'));
        if (code === 0) break;
        expect(err).toMatch(/error: .*(full|No space|no space).*\nfix: .*[Ff]ree some space.*\n$/);
        expect(code).toBe(3);
        failures.push(`${kib} KiB: ${/error: (.*)/.exec(err)?.[1]}`);
        const before = readable(join(folder, 'run'));
        expect([...stored].filter((line) => !before.has(line))).toEqual([]);
        stored = before;
      }
      console.log(failures.join('\n'));
      expect(failures.length).toBeGreaterThan(4);
      expect(made(join(folder, 'run'))).toEqual(made(whole));
    } finally {
      execFileSync('umount', [folder]);
    }
  },
);

/** The stored generations, once there is room to look: a ledger in WAL mode needs a page for its index. */
function readable(folder: string): Set<string> {
  const copy = join(root, 'copy');
  rmSync(copy, { recursive: true, force: true });
  cpSync(folder, copy, { recursive: true, filter: (path) => !path.includes('checkpoints') });
  try {
    return new Set(ledgerRows(join(copy, 'run.db')).generations);
  } catch {
    return new Set(); // nothing was ever written
  }
}
