/** Runs a server in a process group of its own for as long as somebody holds this process's input open, and ends the whole group then: a
 * run that is killed leaves no server behind. Arguments: the file of its log, its command. */
import { spawn } from 'node:child_process';
import { openSync, writeSync } from 'node:fs';

/** Milliseconds that it has to end by itself. */
const GRACE = 20_000;

const [log, command, ...args] = process.argv.slice(2) as [string, string, ...string[]];
const out = openSync(log, 'a');
const child = spawn(command, args, { detached: true, stdio: ['ignore', out, out] });

child.on('error', (error) => {
  writeSync(out, `${error.message}\n`);
  process.exit(127);
});
child.on('exit', (code, signal) => {
  // What it started goes with it.
  kill('SIGKILL');
  process.exit(code ?? (signal === null ? 1 : 128));
});
process.stdin.resume().once('end', end).once('error', end);
process.on('SIGTERM', end);
// Of a terminal: who holds the input decides.
process.on('SIGINT', () => {});

function end(): void {
  kill('SIGTERM');
  setTimeout(() => kill('SIGKILL'), GRACE);
}

function kill(signal: NodeJS.Signals): void {
  const { pid } = child;
  if (pid === undefined) return;
  try {
    // Windows has no groups.
    if (process.platform === 'win32') child.kill(signal);
    else process.kill(-pid, signal);
  } catch {}
}
