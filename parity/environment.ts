import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { makeEnvironment, PYTHON_FOLDER, REQUIREMENTS } from '../src/trainer/trl/environment.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A Python interpreter with the packages that are compared with; null where there is none. */
    python: string | null;
    /** Write fixtures/ anew: `npm run test:parity -- --update`. */
    update: boolean;
  }
}

/** Those of the trainer, what its own tests need, and what else is compared with. */
const OWN = [
  REQUIREMENTS,
  join(PYTHON_FOLDER, 'requirements-dev.txt'),
  join(import.meta.dirname, 'requirements.txt'),
];

/** An interpreter with the packages of all of them: the one that EVALPLANNER_PYTHON names, else one of our own in the user's cache, made
 * once for each version of those files. Throws where it cannot be made. */
export async function pythonEnvironment(): Promise<string> {
  return process.env.EVALPLANNER_PYTHON || makeEnvironment('parity', OWN, console.log);
}

/** vitest's global set-up: hands the interpreter to the tests, or says loudly why there is none. */
export default async function setup(project: TestProject): Promise<void> {
  const python = await pythonEnvironment().catch((error: Error & { stderr?: string }) => {
    const reason = (error.stderr || error.message).trim().split('\n').slice(-3).join('\n');
    const line = '#'.repeat(100);
    console.error(
      `${line}\nSKIPPED: parity with transformers, TRL, PEFT and Python's readers was NOT checked. ` +
        `python3 with venv and pip cannot install python/requirements.txt and parity/requirements.txt here:\n${reason}\n${line}`,
    );
    return null;
  });
  project.provide('python', python);
  project.provide('update', project.config.snapshotOptions.updateSnapshot === 'all');
}
