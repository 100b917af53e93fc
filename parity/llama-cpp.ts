import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { LlamaCppAnswer, LlamaCppJob } from './llama-cpp-child.ts';

/** What llama.cpp answers. */
export async function askLlamaCpp(
  library: string,
  jobs: readonly LlamaCppJob[],
): Promise<readonly LlamaCppAnswer[]> {
  const child = join(import.meta.dirname, 'llama-cpp-child.ts');
  const { stdout } = await promisify(execFile)(process.execPath, [child, library, JSON.stringify(jobs)], {
    maxBuffer: 1 << 26,
  });
  return JSON.parse(stdout.trim().split('\n').at(-1) as string);
}
