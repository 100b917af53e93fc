import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { version } from '../../package.ts';
import type { Report } from '../../report/run/report.ts';
import { sha256 } from '../../rows/sha256.ts';

/** What was looked at, so that it can be found again. */
export interface Manifest {
  readonly evalplanner: string;
  /** As the user says; nobody checks it. */
  readonly licence: string;
  readonly files: readonly { readonly path: string; readonly sha256: string; readonly bytes: number }[];
  /** The run's config: seeds, sampling, the revision of its model. */
  readonly run?: unknown;
  /** Its prompts, as `name version`, as its report says. */
  readonly templates?: readonly string[];
}

/** The manifest of a run, or of files alone. */
export async function manifest(
  run: string | undefined,
  files: readonly string[],
  licence: string,
): Promise<Manifest> {
  const config =
    run === undefined ? null : await readFile(join(run, 'config.json'), 'utf8').catch(() => null);
  const templates = run === undefined ? undefined : await templatesOf(run);
  const checkpoints = run === undefined ? [] : await weightsOf(run);
  const described = [];
  for (const path of [...files, ...checkpoints]) {
    if (path === '-') continue;
    described.push({ path, sha256: await sha256(path), bytes: (await stat(path)).size });
  }
  return {
    evalplanner: version(),
    licence,
    files: described,
    ...(config === null ? {} : { run: JSON.parse(config) as unknown }),
    ...(templates === undefined ? {} : { templates }),
  };
}

/** As the run's report says; a run that is not finished has none. */
async function templatesOf(run: string): Promise<readonly string[] | undefined> {
  try {
    return (JSON.parse(await readFile(join(run, 'report.json'), 'utf8')) as Report).templates;
  } catch {
    return undefined;
  }
}

async function weightsOf(run: string): Promise<string[]> {
  const folder = join(run, 'checkpoints');
  const names = await readdir(folder, { recursive: true }).catch(() => []);
  return names
    .filter((name) => name.endsWith('.safetensors') && !name.startsWith('steps'))
    .sort()
    .map((name) => join(folder, name));
}
