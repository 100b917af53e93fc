#!/usr/bin/env node
import { existsSync } from 'node:fs';
// As a whole: Node 20 has no enableCompileCache, and is to be told what it lacks below.
import * as modules from 'node:module';
import { dirname, isAbsolute, join } from 'node:path';

/** Run the command line; answers the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const { run } = await import('./program.ts');
  return run(args);
}

// What cannot be written is told by whoever writes it (see print).
process.stdout.on('error', () => {
  // The write that failed ends the command; leaving at once would abort threads inside the runtime.
});
process.stderr.on('error', () => {});

// Undefined before Node 24.2.
if (import.meta.main !== false) {
  if (Number(process.versions.node.split('.')[0]) < 24) {
    process.stderr.write(
      `error: this is Node ${process.versions.node}; evalplanner needs 24 or newer\nfix: install Node 24, e.g. from https://nodejs.org\n`,
    );
    process.exitCode = 3;
  } else {
    // Nothing of ours is loaded before this: then it comes from what was compiled of it the last time, in a third of the time.
    // Node's own place for that is in the folder of temporary files, where other users may write.
    const { HOME, USERPROFILE, XDG_CACHE_HOME } = process.env;
    const cache = XDG_CACHE_HOME || join(HOME || USERPROFILE || '', '.cache');
    if (isAbsolute(cache) && existsSync(dirname(cache)))
      modules.enableCompileCache(join(cache, 'evalplanner', 'compiled'));
    process.exitCode = await main(process.argv.slice(2));
  }
}
