import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type CachedModel, cachedModels, described } from '../../model/local/cached.ts';
import { machineMemory } from '../../model/local/memory.ts';
import { SEED_FOLDER } from '../../package.ts';
import { tableOptions } from '../../report/run/table.ts';
import { print, printable } from '../terminal.ts';
import { modelsText } from './text.ts';

/** `evalplanner models`. */
export async function models({ json }: { readonly json?: boolean }): Promise<void> {
  const { cache, models: cached, warnings } = await cachedModels();
  const all = [...cached, await seedModel()];
  for (const warning of warnings) process.stderr.write(`note: ${printable(warning)}\n`);
  const memory = machineMemory();
  if (!json) return print(modelsText({ cache, memory, models: all }, tableOptions(process.stdout)));
  const rows = all.map(({ refused, needs, ...model }) => ({
    ...model,
    // Of an adapter and of a GGUF file it is known when they are opened.
    runs: refused !== null ? false : needs === null ? null : true,
    ...(refused === null ? {} : { refused }),
    needs,
    fits:
      needs &&
      Object.fromEntries(Object.entries(needs).map(([use, bytes]) => [use, bytes <= memory] as const)),
  }));
  await print(`${JSON.stringify({ cache, memory, models: rows }, null, 2)}\n`);
}

async function seedModel(): Promise<CachedModel> {
  const folder = join(SEED_FOLDER, 'model');
  const sizes = await Promise.all(
    (await readdir(folder)).map(async (name) => (await stat(join(folder, name))).size),
  );
  return {
    name: 'playground',
    commit: '',
    refs: [],
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    ...(await described(folder)),
  };
}
