/** `npm run bench:round`: what a round costs beside its models. The published setting (arXiv 2501.18099: 21,729 response pairs, 5 plans,
 * 4 executions in each order: 869,160 thoughts), of 4 kB each, goes through `run` from instructions to row files, then report and
 * audit: real ledger, prompts and parsers, a scripted model that answers at once, a trainer that only reads its rows. Each size in a
 * process of its own. Options after `--`: `--json`, `--thoughts n` (869,160), `--bytes n` of an execution (4096; a plan has a quarter),
 * `--shares a,b` of the thoughts (0.0625,0.25,1), `--rejected modified|nearest|other`, `--folder DIR` (the system's for
 * temporary files): the whole takes 25 GB there while it runs. Exit code 1 when a target is missed. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Rejected } from '../src/pairs/others.ts';
import type { Took } from './round/worker.ts';
import { SETTING, type Size } from './round/world.ts';

const PER_PAIR = SETTING.plans * SETTING.executions * 2;
const TARGET = { rssMB: 500, seconds: 1800, growth: 1.25 };

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    thoughts: { type: 'string', default: String(SETTING.triples * PER_PAIR) },
    bytes: { type: 'string', default: '4096' },
    shares: { type: 'string', default: '0.0625,0.25,1' },
    rejected: { type: 'string', default: 'modified' },
    folder: { type: 'string', default: tmpdir() },
  },
});

interface Measured {
  readonly thoughts: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly rssMB: number;
  readonly ledgerMB: number;
  readonly rowsMB: number;
  readonly stages: readonly Took[];
}

async function measure(size: Size): Promise<Measured> {
  const folder = mkdtempSync(join(values.folder, 'bench-round-'));
  try {
    const worker = join(import.meta.dirname, 'round', 'worker.ts');
    const child = fork(worker, [folder, JSON.stringify(size)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const stages: Took[] = [];
    child.on('message', (told) => {
      const took = told as Took;
      stages.push(took);
      const { name, seconds, cpuSeconds, rssMB } = took;
      process.stderr.write(
        `${size.triples} pairs: ${name} ${seconds.toFixed(1)} s (${cpuSeconds.toFixed(1)} s of the processors), ${Math.round(rssMB)} MB\n`,
      );
    });
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    if (code !== 0) throw new Error(`the round ended with ${code ?? signal}`);
    const sum = (of: (took: Took) => number) => stages.reduce((total, took) => total + of(took), 0);
    return {
      thoughts: size.triples * PER_PAIR,
      seconds: sum(({ seconds }) => seconds),
      cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds),
      rssMB: stages.at(-1)?.rssMB ?? 0,
      ledgerMB: await megabytes(folder, 'run.db'),
      rowsMB: await megabytes(join(folder, 'data'), '.jsonl'),
      stages,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function megabytes(folder: string, end: string): Promise<number> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(end));
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
  return sizes.reduce((sum, bytes) => sum + bytes, 0) / 2 ** 20;
}

const sizes: Measured[] = [];
for (const share of values.shares.split(',').map(Number)) {
  const triples = Math.ceil((share * Number(values.thoughts)) / PER_PAIR);
  sizes.push(await measure({ triples, bytes: Number(values.bytes), rejected: values.rejected as Rejected }));
}
const [least, most] = [sizes[0], sizes.at(-1)] as [Measured, Measured];
// 1: so many times the thoughts take so many times the processor's time.
const growth = most.cpuSeconds / most.thoughts / (least.cpuSeconds / least.thoughts);
const [{ model: cpu } = { model: 'unknown' }] = cpus();
const machine = {
  cpu,
  cores: availableParallelism(),
  memoryGB: Math.round(totalmem() / 2 ** 30),
  node: process.versions.node,
};
if (values.json) console.log(JSON.stringify({ sizes, growth, machine }));
else {
  const stages = most.stages.map(({ name }) => name);
  const line = (name: string, of: (size: Measured) => number, digits = 0) =>
    console.log(name.padEnd(24) + sizes.map((size) => of(size).toFixed(digits).padStart(12)).join(''));
  line('thoughts', ({ thoughts }) => thoughts);
  for (const name of stages)
    line(`${name}, s`, (size) => size.stages.find((took) => took.name === name)?.seconds ?? 0, 1);
  line('all, s', ({ seconds }) => seconds, 1);
  line('of the processors, s', ({ cpuSeconds }) => cpuSeconds, 1);
  line('peak, MB', ({ rssMB }) => rssMB);
  line('ledger, MB', ({ ledgerMB }) => ledgerMB);
  line('rows, MB', ({ rowsMB }) => rowsMB);
  console.log(`time of the processors per thought grows ${growth.toFixed(2)} ×`);
}
if (most.rssMB > TARGET.rssMB || most.seconds > TARGET.seconds || growth > TARGET.growth)
  process.exitCode = 1;
