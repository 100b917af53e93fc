import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EvalPlannerError } from '../../errors.ts';
import { clientKey } from '../client-key.ts';
import { print, printable } from '../terminal.ts';
import type { Replica } from './replicas.ts';

export interface StartOptions {
  readonly host: string;
  readonly apiKeyEnv?: string;
  readonly logs: string;
  /** Seconds until all have to be well. */
  readonly wait: number;
  /** What is printed when they are. */
  readonly name: string;
}

/** Milliseconds that servers have to end before they are made to. */
const GRACE = 15_000;
const LOOK = 1000;

interface Running extends Replica {
  readonly log: string;
  readonly child: ChildProcess;
  readonly ended: Promise<string>;
  over: string | null;
}

/** Runs servers until the signal: each as a process group of its own, which ends with all that it started. Throws EvalPlannerError where
 * one ends before all are well, or all have ended. */
export async function runReplicas(
  replicas: readonly Replica[],
  options: StartOptions,
  signal: AbortSignal,
): Promise<void> {
  const key = clientKey(options.apiKeyEnv);
  for (const { port } of replicas) await requireFree(options.host, port);
  mkdirSync(options.logs, { recursive: true });
  const running: Running[] = [];
  try {
    for (const replica of replicas) running.push(begin(replica, options.logs, key));
    const aborted = new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    await Promise.race([aborted, allWell(running, options.wait, signal)]);
    if (signal.aborted) return;
    await print(`${printable(options.name)}\n`);
    for (const one of running) one.ended.then((how) => signal.aborted || tell(one, how));
    await Promise.race([aborted, Promise.all(running.map(({ ended }) => ended))]);
    if (!signal.aborted) throw failed(running[0] as Running, 'have all ended');
  } finally {
    await endAll(running);
  }
}

function begin(replica: Replica, logs: string, key: string | undefined): Running {
  const log = join(logs, `vllm-${replica.port}.log`);
  const [program = '', ...args] = replica.argv;
  const file = openSync(log, 'w', 0o600);
  const child = spawn(program, args, {
    env: { ...process.env, ...replica.env, ...(key === undefined ? {} : { VLLM_API_KEY: key }) },
    stdio: ['ignore', file, file],
    detached: true,
  });
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  const running: Running = { ...replica, log, child, ended, over: null };
  const over = (how: string) => {
    running.over = how;
    resolve(how);
  };
  child.on('error', (error) => over(`could not be started: ${error.message}`));
  child.on('exit', (code, by) => over(by === null ? `ended with ${code}` : `was ended by ${by}`));
  process.stderr.write(`${printable(replica.url)}: process ${child.pid ?? 'none'}, log ${printable(log)}\n`);
  return running;
}

async function allWell(running: readonly Running[], seconds: number, signal: AbortSignal): Promise<void> {
  const until = Date.now() + seconds * 1000;
  const waiting = new Set(running);
  while (waiting.size > 0 && !signal.aborted) {
    for (const one of waiting) {
      if (one.over !== null) throw failed(one, one.over);
      if (!(await isWell(one.url))) continue;
      waiting.delete(one);
      process.stderr.write(`${printable(one.url)} is well\n`);
    }
    if (waiting.size === 0) return;
    if (Date.now() > until) throw failed([...waiting][0] as Running, `is not well after ${seconds} s`);
    await sleep(LOOK);
  }
}

async function isWell(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/health`, { signal: AbortSignal.timeout(5000) })).ok;
  } catch {
    return false;
  }
}

/** The group of each: asked to end, then made to. */
async function endAll(running: readonly Running[]): Promise<void> {
  const signalled = (signal: 'SIGTERM' | 'SIGKILL' | 0) =>
    running.filter(({ child: { pid } }) => {
      try {
        return pid !== undefined && process.kill(-pid, signal);
      } catch {
        return false;
      }
    });
  signalled('SIGTERM');
  const until = Date.now() + GRACE;
  while (signalled(0).length > 0 && Date.now() < until) await sleep(100);
  signalled('SIGKILL');
}

function tell({ url, log }: Running, how: string): void {
  process.stderr.write(
    `warning: ${printable(url)} ${how}; the others go on. ${printable(log)} ends so:\n${endOf(log)}\n`,
  );
}

function failed({ url, log }: Running, how: string): EvalPlannerError {
  const last = endOf(log).split('\n').at(-1) ?? '';
  return new EvalPlannerError(
    'model',
    `${url} ${how}${last === '' ? '' : `: ${last}`}`,
    `look at ${log}, mend what it tells, and run the same command again`,
  );
}

/** The last lines of a log. */
function endOf(log: string): string {
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n').slice(-5);
  return lines.map((line) => printable(line).slice(0, 300)).join('\n');
}

/** A server of somebody else's at this port would look like one that is well. */
async function requireFree(host: string, port: number): Promise<void> {
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    throw new EvalPlannerError(
      'usage',
      `${host}:${port} cannot be listened at: ${(error as NodeJS.ErrnoException).code}`,
      'end what is there, or give another --port or --host',
      error,
    );
  } finally {
    server.close();
  }
}
