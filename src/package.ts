import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EvalPlannerError } from './errors.ts';

/** The package's own folder: seed model and held-out pairs lie in its `seed/`, beside `src/` and `dist/`. */
export const SEED_FOLDER = fileURLToPath(new URL('../seed', import.meta.url));

/** The pairs that judges are measured on, shipped with the seed model: the file's text. */
export function readHeldOut(split: 'dev' | 'test'): string {
  const path = heldOutPath(split);
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new EvalPlannerError(
      'data',
      `cannot read the held-out pairs in ${path}`,
      'install the package again, or in a checkout: git checkout seed/heldout',
      error,
    );
  }
}

export function heldOutPath(split: 'dev' | 'test'): string {
  return join(SEED_FOLDER, 'heldout', `${split}.jsonl`);
}

/** The package's version. */
export function version(): string {
  return manifest().version;
}

/** The one command that adds the engine's runtime, in the version that the tests use. Its scripts only fetch what CUDA needs. */
export function runtimeCommand(): string {
  return `npm install onnxruntime-node@${manifest().devDependencies['onnxruntime-node']} --ignore-scripts`;
}

/** The one command that adds the client of together.ai, in the version that the tests use. */
export function togetherCommand(): string {
  return `npm install together-ai@${manifest().devDependencies['together-ai']}`;
}

interface Manifest {
  readonly version: string;
  readonly devDependencies: Readonly<Record<string, string>>;
}

function manifest(): Manifest {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as Manifest;
}
