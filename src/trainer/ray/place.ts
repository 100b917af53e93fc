import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, realpathSync } from 'node:fs';
import { cp, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { text } from 'node:stream/consumers';
import { EvalPlannerError } from '../../errors.ts';
import { copyFolder, makeFolder } from '../../files.ts';
import { pythonEnv, requirePython } from '../trl/environment.ts';

/** A folder that this machine and the workers of a cluster share, with what one training needs or one question. */
export interface Place {
  /** What stands for a file or folder of it in a job. */
  at(name: string): string;
  /** What stands for a local file or folder that the workers see as it is; null where they do not. */
  seen(local: string): string | null;
  /** Put a copy of a local file or folder there. */
  put(local: string, name: string): Promise<void>;
  write(name: string, text: string): Promise<void>;
  read(name: string): Promise<string>;
  /** Bring a folder here; it has its name when it is whole. */
  fetch(name: string, to: string): Promise<void>;
  remove(): Promise<void>;
}

const isUrl = (shared: string) => /^[a-z][a-z0-9+.-]+:\/\//i.test(shared);

/** The folder of this name in what is shared: a path, or an fsspec URL. */
export async function openPlace(shared: string, name: string, python: string | undefined): Promise<Place> {
  if (isUrl(shared))
    return new RemotePlace(`${shared.replace(/\/+$/, '')}/${name}`, await requirePython(python));
  return new FolderPlace(resolve(shared), name);
}

class FolderPlace implements Place {
  readonly #shared: string;
  readonly #folder: string;

  constructor(shared: string, name: string) {
    if (!existsSync(shared))
      throw new EvalPlannerError(
        'usage',
        `the folder ${shared}, which is to be shared with the Ray cluster, is not here`,
        'mount it here under the path that the workers have, or correct trainer.shared',
      );
    this.#shared = shared;
    this.#folder = join(shared, name);
  }

  at(name: string): string {
    return join(this.#folder, name);
  }

  seen(local: string): string | null {
    const within = relative(realpathSync(this.#shared), realpathSync(local));
    return within === '..' || within.startsWith(`..${sep}`) || resolve(within) === within
      ? null
      : join(this.#shared, within);
  }

  async put(local: string, name: string): Promise<void> {
    makeFolder(dirname(this.at(name)));
    await cp(local, this.at(name), { recursive: true, dereference: true });
  }

  async write(name: string, content: string): Promise<void> {
    makeFolder(dirname(this.at(name)));
    await writeFile(this.at(name), content);
  }

  read(name: string): Promise<string> {
    return readFile(this.at(name), 'utf8');
  }

  fetch(name: string, to: string): Promise<void> {
    return copyFolder(this.at(name), to);
  }

  async remove(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** By fsspec, in Python on both sides: one implementation for all of its file systems. */
class RemotePlace implements Place {
  readonly #url: string;
  readonly #python: string;

  constructor(url: string, python: string) {
    this.#url = url;
    this.#python = python;
  }

  at(name: string): string {
    return `${this.#url}/${name}`;
  }

  seen(): null {
    return null;
  }

  async put(local: string, name: string): Promise<void> {
    await this.#run('put', resolve(local), this.at(name));
  }

  async write(name: string, content: string): Promise<void> {
    await this.#run('write', this.at(name), content);
  }

  read(name: string): Promise<string> {
    return this.#run('read', this.at(name));
  }

  async fetch(name: string, to: string): Promise<void> {
    const draft = `${to}.fetched`;
    await rm(draft, { recursive: true, force: true });
    await mkdir(dirname(to), { recursive: true });
    await this.#run('get', this.at(name), draft);
    await rm(to, { recursive: true, force: true });
    await rename(draft, to);
  }

  async remove(): Promise<void> {
    await this.#run('remove', this.#url);
  }

  async #run(...given: string[]): Promise<string> {
    const child = spawn(this.#python, ['-m', 'evalplanner_trainer.transfer', ...given], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: pythonEnv(),
    });
    const [out, said, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    if (code === 0) return out;
    throw new EvalPlannerError(
      'network',
      `${this.#url} cannot be used from here: ${said.trim().split('\n').at(-1)}`,
      'check trainer.shared, the credentials that its file system looks for, and that its package is installed (s3fs for s3://)',
    );
  }
}
