import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** A Python interpreter with what parity/requirements.txt names; null where there is none. */
    python: string | null;
    /** Write fixtures/ anew: `npm run test:parity -- --update`. */
    update: boolean;
  }
}

const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');
const executable = (environment: string) =>
  join(environment, ...(process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']));
const run = promisify(execFile);

/** An interpreter with the packages of requirements.txt: the one that EVALPLANNER_PYTHON names, else one of our own in
 * the user's cache, made once for each version of that file. Throws where it cannot be made. */
export async function pythonEnvironment(): Promise<string> {
  const { EVALPLANNER_PYTHON: own, XDG_CACHE_HOME: cache = join(homedir(), '.cache') } = process.env;
  if (own) return own;
  const hash = createHash('sha256').update(await readFile(REQUIREMENTS));
  const folder = join(cache, 'evalplanner', `parity-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(executable(folder))) return executable(folder);

  // Made under another name: an environment that was interrupted half-way is never taken for a whole one.
  const draft = `${folder}.${process.pid}`;
  try {
    console.log(`Making a Python environment in ${folder}, once; it takes some minutes and 1.5 GB or more.`);
    await mkdir(draft, { recursive: true });
    await run(process.platform === 'win32' ? 'python' : 'python3', ['-m', 'venv', draft]);
    // Where one of several indexes is out of reach, each further retry would wait once for every package.
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-input', '--retries', '1', '-r', REQUIREMENTS];
    await run(executable(draft), pip, { maxBuffer: 1 << 26 });
    // Nothing of it but the interpreter is started, and that finds its packages wherever it lies.
    await rename(draft, folder).catch((error: unknown) => {
      if (!existsSync(executable(folder))) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return executable(folder);
}

/** vitest's global set-up: hands the interpreter to the tests, or says loudly why there is none. */
export default async function setup(project: TestProject): Promise<void> {
  const python = await pythonEnvironment().catch((error: Error & { stderr?: string }) => {
    const reason = (error.stderr || error.message).trim().split('\n').slice(-3).join('\n');
    const line = '#'.repeat(100);
    console.error(
      `${line}\nSKIPPED: parity with transformers, TRL, PEFT and Python's readers was NOT checked. ` +
        `python3 with venv and pip cannot install parity/requirements.txt here:\n${reason}\n${line}`,
    );
    return null;
  });
  project.provide('python', python);
  project.provide('update', project.config.snapshotOptions.updateSnapshot === 'all');
}
