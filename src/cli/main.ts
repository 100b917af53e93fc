#!/usr/bin/env node
import { existsSync, realpathSync } from 'node:fs';
// As a whole: Node 20 has no enableCompileCache, and is to be told what it lacks below.
import * as modules from 'node:module';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

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

/** Node 22 has no import.meta.main. */
function isMain(): boolean {
  const [, script] = process.argv;
  return (
    import.meta.main ?? (script !== undefined && realpathSync(script) === fileURLToPath(import.meta.url))
  );
}

if (isMain()) {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 22 || (major === 22 && minor < 19)) {
    process.stderr.write(
      `error: this is Node ${process.versions.node}; evalplanner needs 22.19 or newer\nfix: install a newer Node, e.g. from https://nodejs.org\n`,
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
