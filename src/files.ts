import { randomUUID } from 'node:crypto';
import { constants, existsSync, mkdirSync } from 'node:fs';
import { cp, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

/** Create the folder and those above it. Not mkdir's `recursive`, which never returns in Node 24 below /proc. */
export function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  try {
    mkdirSync(folder);
  } catch (error) {
    // Another process may have been faster.
    if (!existsSync(folder)) throw error;
  }
}

/** Write a file that appears as a whole or not at all. */
export async function writeAtomically(path: string, text: string): Promise<void> {
  await writeParts(path, [text]);
}

/** Write objects as JSON lines, one after the other as they come, to a file that appears as a whole or not at all. Answers how
 * many there were. */
export async function writeLinesAtomically(
  path: string,
  lines: Iterable<object> | AsyncIterable<object>,
): Promise<number> {
  let count = 0;
  await writeParts(
    path,
    (async function* () {
      for await (const line of lines) {
        count++;
        yield `${JSON.stringify(line)}\n`;
      }
    })(),
  );
  return count;
}

/** Characters that are written together. */
const PART = 2 ** 20;

async function writeParts(path: string, parts: Iterable<string> | AsyncIterable<string>): Promise<void> {
  const draft = `${path}.draft`;
  try {
    const file = await open(draft, 'w');
    try {
      let waiting: string[] = [];
      let size = 0;
      const flush = async () => {
        await file.appendFile(waiting.join(''));
        waiting = [];
        size = 0;
      };
      for await (const part of parts) {
        waiting.push(part);
        size += part.length;
        if (size >= PART) await flush();
      }
      await flush();
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

/** Copy a folder as it is, links as what they lead to; a file into a folder of its own. The copy has its name when it is whole; what
 * had it before is kept until then, and by readers of model folders found even if a kill comes between the two renames. */
export async function copyFolder(from: string, to: string): Promise<void> {
  const [source, target] = [resolve(from), resolve(to)];
  if (source === target) return;
  const parent = dirname(target);
  const prefix = `.${basename(target)}.draft-`;
  const draft = join(parent, prefix + randomUUID());
  const previous = join(parent, `.${basename(target)}.previous`);
  makeFolder(parent);
  for (const name of await readdir(parent)) {
    // Left behind by a copy that was killed.
    if (name.startsWith(prefix)) await rm(join(parent, name), { recursive: true, force: true });
  }
  try {
    const copied = (await stat(source)).isDirectory() ? draft : join(draft, basename(source));
    await cp(source, copied, { recursive: true, dereference: true, mode: constants.COPYFILE_FICLONE });
    await syncAll(draft);
    if (existsSync(target)) {
      await rm(previous, { recursive: true, force: true });
      await rename(target, previous);
    }
    await rename(draft, target).catch(async (error) => {
      if (existsSync(previous) && !existsSync(target)) await rename(previous, target);
      throw error;
    });
    await syncFile(parent);
    await rm(previous, { recursive: true, force: true });
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

async function syncAll(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncAll(path);
    else await syncFile(path);
  }
  await syncFile(folder);
}

async function syncFile(path: string): Promise<void> {
  // Windows syncs only what is open to write, and no folders; there a rename is durable by itself.
  if (process.platform === 'win32') return;
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
