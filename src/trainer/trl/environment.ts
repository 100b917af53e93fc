import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { EvalPlannerError } from '../../errors.ts';

const run = promisify(execFile);

/** The Python side, which comes with the package and is not installed: it is read where it lies. */
export const PYTHON_FOLDER = fileURLToPath(new URL('../../../python', import.meta.url));
export const REQUIREMENTS = join(PYTHON_FOLDER, 'requirements.txt');

const executable = (environment: string) =>
  join(environment, ...(process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']));

/** Where the environment of these requirements lies, made or not: in the user's cache, one for each version of them. */
async function environmentFolder(name: string, requirements: readonly string[]): Promise<string> {
  const { XDG_CACHE_HOME: cache = join(homedir(), '.cache') } = process.env;
  const hash = createHash('sha256');
  for (const file of requirements) hash.update(await readFile(file));
  return join(cache, 'evalplanner', `${name}-${hash.digest('hex').slice(0, 12)}`);
}

/** The interpreter of an environment with the packages of these files, made once: by uv where it is installed, else by venv and
 * pip. `say` hears that it begins, and `finish` has a say before it counts as made. Throws what they say where it cannot be made. */
export async function makeEnvironment(
  name: string,
  requirements: readonly string[] = [REQUIREMENTS],
  say: (message: string) => void = () => {},
  finish: (python: string) => Promise<unknown> = async () => {},
): Promise<string> {
  const folder = await environmentFolder(name, requirements);
  if (existsSync(executable(folder))) return executable(folder);
  // Made under another name: an environment that was interrupted half-way is never taken for a whole one.
  const draft = `${folder}.${process.pid}`;
  const files = requirements.flatMap((file) => ['-r', file]);
  const output = { maxBuffer: 1 << 26 };
  try {
    say(`making a Python environment in ${folder}, once; it takes some minutes and 1.5 GB or more`);
    await mkdir(draft, { recursive: true });
    if (await hasUv()) {
      await run('uv', ['venv', '--quiet', '--allow-existing', draft], output);
      await run('uv', ['pip', 'install', '--quiet', '--python', executable(draft), ...files], output);
    } else {
      await run(process.platform === 'win32' ? 'python' : 'python3', ['-m', 'venv', draft], output);
      // Where one of several indexes is out of reach, each further retry would wait once for every package.
      const pip = ['-m', 'pip', 'install', '--quiet', '--no-input', '--retries', '1', ...files];
      await run(executable(draft), pip, output);
    }
    await finish(executable(draft));
    // Nothing of it but the interpreter is started, and that finds its packages wherever it lies.
    await rename(draft, folder).catch((error: unknown) => {
      if (!existsSync(executable(folder))) throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return executable(folder);
}

const hasUv = () =>
  run('uv', ['--version']).then(
    () => true,
    () => false,
  );

/** What a Python process of ours is started with. Nothing is asked of, or told to, anybody. */
export function pythonEnv(): NodeJS.ProcessEnv {
  const { PYTHONPATH } = process.env;
  return {
    ...process.env,
    PYTHONPATH: [PYTHON_FOLDER, PYTHONPATH].filter(Boolean).join(process.platform === 'win32' ? ';' : ':'),
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONUNBUFFERED: '1',
  };
}

/** The packages of an interpreter by their names; null for one that is missing. */
export interface PythonReport {
  readonly versions: Readonly<Record<string, string | null>>;
  /** What torch computes on, if that was asked for. */
  readonly device?: string;
}

export async function inspectPython(python: string, device = false): Promise<PythonReport> {
  const asked = ['-m', 'evalplanner_trainer', 'check', ...(device ? ['--device'] : [])];
  const { stdout } = await run(python, asked, { env: pythonEnv(), maxBuffer: 1 << 24 });
  return JSON.parse(stdout) as PythonReport;
}

const INSTALL =
  'run `evalplanner doctor --install trl`, or name an interpreter that has the packages: trainer.python';

/** The interpreter to use: the one that is named, else that of EVALPLANNER_PYTHON, else our own. Throws EvalPlannerError `usage` where
 * there is none, or packages are missing. */
export async function requirePython(named: string | undefined, accelerate = ''): Promise<string> {
  const own = executable(await environmentFolder('trl', [REQUIREMENTS]));
  const python = named ?? process.env.EVALPLANNER_PYTHON ?? (existsSync(own) ? own : null);
  if (python === null)
    throw new EvalPlannerError('usage', 'the trainer trl has no Python environment here', INSTALL);
  const { versions } = await inspectPython(python).catch((error: Error & { stderr?: string }) => {
    const reason = (error.stderr || error.message).trim().split('\n').at(-1);
    throw new EvalPlannerError('usage', `${python} cannot be started: ${reason}`, INSTALL, error);
  });
  const sharded = accelerate.startsWith('zero');
  const missing = Object.keys(versions).filter(
    (name) => versions[name] === null && (name !== 'deepspeed' || sharded),
  );
  if (missing.length > 0)
    throw new EvalPlannerError('usage', `${python} lacks ${missing.join(', ')}`, INSTALL);
  return python;
}

/** A line where other versions are installed than those that this one was tried with. */
export async function noteVersions(python: string): Promise<string[]> {
  const { versions } = await inspectPython(python);
  const tried = (await readFile(REQUIREMENTS, 'utf8')).trim().split('\n');
  const others = tried.flatMap((line) => {
    const [name, version] = line.split('==') as [string, string];
    // Of torch there are builds: 2.13.0+cpu.
    const found = versions[name]?.split('+')[0];
    return found === version ? [] : [`${name} ${found} (tried: ${version})`];
  });
  return others.length === 0 ? [] : [`the trainer trl was not tried with ${others.join(', ')}`];
}
