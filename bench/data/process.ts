import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import type { Built } from './build.ts';

export interface Measured extends Built {
  readonly rssMB: number;
}

/** Where a process is killed: so many milliseconds after a phase has begun. */
export interface Moment {
  readonly phase: 'storing' | 'building';
  readonly after: number;
}

/** Builds in a process of its own. Null: it was killed at that moment; had it ended before, what it measured. */
export async function buildApart(folder: string, triples: number, kill?: Moment): Promise<Measured | null> {
  const args = [join(import.meta.dirname, 'worker.ts'), folder, String(triples)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close') as Promise<[number | null, string | null]>;
  let measured: Measured | null = null;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const said = JSON.parse(line) as { phase?: string } & Measured;
    if (said.phase === undefined) measured = said;
    else if (said.phase === kill?.phase) void setTimeout(kill.after).then(() => child.kill('SIGKILL'));
  });
  const [code, signal] = await closed;
  if (code !== 0 && signal !== 'SIGKILL') throw new Error(`the build ended with ${code ?? signal}`);
  return measured;
}
