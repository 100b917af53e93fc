import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { EvalPlannerError } from '../errors.ts';

/** One training at a time in a folder. Each process that wants it puts down a file of its own, whose name says who it is, and
 * then looks for others: of two at least the later one sees both, so never do two go on. A name is there as a whole or not at
 * all, and that of a process that has ended holds nobody up. */

const NAME = /^lock-(.+)-(\d+)-(\w*)$/;
const HOST = hostname().replace(/[^\w.-]/g, '_');

/** Throws EvalPlannerError `run` while another training has the folder. */
export function lockFolder(folder: string): { release(): void } {
  const own = `lock-${HOST}-${process.pid}-${startOf(process.pid) ?? ''}`;
  const path = join(folder, own);
  try {
    closeSync(openSync(path, 'wx'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw inUse(folder, own);
  }
  try {
    for (const name of readdirSync(folder)) {
      if (name === own || !NAME.test(name)) continue;
      if (isAlive(name)) throw inUse(folder, name);
      rmSync(join(folder, name), { force: true });
    }
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  }
  return { release: () => rmSync(path, { force: true }) };
}

function inUse(folder: string, name: string): EvalPlannerError {
  const [, host = '', pid = ''] = NAME.exec(name) ?? [];
  const path = join(folder, name);
  const since = statSync(path, { throwIfNoEntry: false })?.mtime.toISOString() ?? 'just now';
  const elsewhere = host === HOST ? '' : ` on ${host}`;
  return new EvalPlannerError(
    'run',
    `${folder} is being trained by process ${pid}${elsewhere}, since ${since}`,
    host === HOST
      ? 'wait until it has ended, or stop it; what it has done is kept'
      : `wait until it has ended, or stop it there; if it has ended, remove ${path}`,
  );
}

/** Of a process on another machine nothing can be known: it counts as alive. */
function isAlive(name: string): boolean {
  const [, host, pid, start] = NAME.exec(name) as unknown as [string, string, string, string];
  if (host !== HOST) return true;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  // Another process may have got its number since.
  const now = startOf(Number(pid));
  return now === null ? start === '' : now === start;
}

/** When a process began, in letters and digits that mean nothing else; empty where it cannot be told, null for one that has
 * ended. */
function startOf(pid: number): string | null {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      // Behind the name, which may hold anything: the state, then, 19 fields on, ticks since the machine was started.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (fields[0] === 'Z' || fields[0] === 'X') return null;
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').slice(0, 8);
      return `${boot}_${fields[19]}`;
    }
    if (process.platform === 'darwin')
      return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).replace(
        /\W/g,
        '',
      );
    return '';
  } catch {
    return process.platform === 'linux' || process.platform === 'darwin' ? null : '';
  }
}
