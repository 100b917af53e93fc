/** `npm run bench:scale`: a round of the published setting (arXiv 2501.18099: 21,729 response pairs, 869,160 thoughts of 1,000 tokens)
 * through `run`, whose models are 64 replicas that ONE process simulates: queues, batches, prefix caches, preemptions and faults as
 * vLLM has them, texts canned, the trainer one that copies. What it measures is the orchestrator: whether the replicas have work, and
 * what that takes. Options after `--`: `--json`, `--pairs n` (21,729), `--replicas n` (64), `--time-scale x` (2: simulated seconds in
 * a second), `--tokens n` of an execution (1,000), `--kv n` tokens of a replica's cache, `--faults none`, `--deaths n` mean
 * seconds between deaths of a replica's engine (20,000), `--seed n`,
 * `--until STAGE`, `--folder DIR`. Exit code 1 when
 * a target is missed. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { SETTING } from './round/world.ts';
import { type Measured, type StageMeasured, table } from './scale/report.ts';
import type { Faults, Period, SimulatorOptions } from './scale/simulator.ts';
import type { Took } from './scale/worker.ts';

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    pairs: { type: 'string', default: String(SETTING.triples) },
    replicas: { type: 'string', default: '64' },
    'time-scale': { type: 'string', default: '2' },
    tokens: { type: 'string', default: '1000' },
    kv: { type: 'string', default: '350000' },
    faults: { type: 'string', default: 'some' },
    deaths: { type: 'string', default: '20000' },
    until: { type: 'string' },
    seed: { type: 'string', default: '0' },
    folder: { type: 'string', default: tmpdir() },
  },
});

/** Far more often than in life, so that each kind of fault comes in a round. */
const FAULTS: Faults = {
  error500: 0.001,
  cut: 0.001,
  deaths: Number(values.deaths),
  dying: 5,
  down: 60,
  slow: 10_000,
  slowFor: 60,
  slowness: 3,
};
const never = Number.MAX_VALUE;
const NO_FAULTS: Faults = { ...FAULTS, error500: 0, cut: 0, deaths: never, slow: never };

/** An 8 B model in bfloat16 on an accelerator of 80 GB: 16 GB of weights at 3.35 TB/s, 350,000 tokens of KV cache of 131 kB each, about 25,000 tokens
 * of prompts a second; 256 sequences of 1,500 tokens write about 11,000 tokens a second so. */
const REPLICA = {
  maxNumSeqs: 256,
  maxBatchedTokens: 8192,
  blockSize: 16,
  kvTokens: Number(values.kv),
  step: { base: 0.006, token: 25e-6, context: 35e-9 },
};

const options: SimulatorOptions = {
  replicas: Number(values.replicas),
  timeScale: Number(values['time-scale']),
  replica: REPLICA,
  smallKv: 0.5,
  tokens: Number(values.tokens),
  faults: values.faults === 'none' ? NO_FAULTS : FAULTS,
  seed: Number(values.seed),
};
const here = (name: string) => join(import.meta.dirname, 'scale', name);
const folder = mkdtempSync(join(values.folder, 'bench-scale-'));
const children: ChildProcess[] = [];
function start(name: string, ...args: readonly string[]): ChildProcess {
  const child = fork(here(name), args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  children.push(child);
  return child;
}

try {
  const load = loadavg();
  const simulator = start('simulator.ts', JSON.stringify(options));
  const [{ urls }] = (await once(simulator, 'message')) as [{ readonly urls: readonly string[] }];
  const worker = start(
    'worker.ts',
    folder,
    values.pairs,
    urls.join(),
    ...(values.until ? [values.until] : []),
  );
  simulator.send({ watch: worker.pid });
  const ended = once(worker, 'exit') as Promise<[number | null, string | null]>;
  const stages: StageMeasured[] = [];
  let counts: Measured['counts'] | undefined;
  worker.on('message', async (told: Took | { readonly counts: Measured['counts'] }) => {
    if ('counts' in told) {
      counts = told.counts;
      return;
    }
    simulator.send({ mark: told.name });
    const [{ period }] = (await once(simulator, 'message')) as [{ readonly period: Period }];
    stages.push({ ...told, period });
    const { name, seconds, cpuSeconds, rssMB } = told;
    process.stderr.write(
      `${name}: ${seconds.toFixed(1)} s (${cpuSeconds.toFixed(1)} s of the processors), ${Math.round(rssMB)} MB, ${period.served.calls} calls\n`,
    );
  });
  const [code, signal] = await ended;
  if (code !== 0 || counts === undefined) throw new Error(`the run ended with ${code ?? signal}`);
  const [{ model: cpu } = { model: 'unknown' }] = cpus();
  const measured: Measured = {
    simulated: `${options.replicas} replicas in one process, texts canned, trainer a copy`,
    options,
    pairs: Number(values.pairs),
    stages,
    counts,
    ledgerBytes: (await stat(join(folder, 'run.db'))).size,
    load: { before: load, after: loadavg() },
    machine: { cpu, cores: availableParallelism(), node: process.versions.node },
  };
  const { lines, missed } = table(measured);
  console.log(values.json ? JSON.stringify(measured) : lines.join('\n'));
  if (missed) process.exitCode = 1;
} finally {
  for (const child of children) child.kill();
  await rm(folder, { recursive: true, force: true });
}
