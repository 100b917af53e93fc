import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { run } from '../pipeline.ts';
import { openStore } from '../store/ledger.ts';
import type { Store } from '../store.ts';
import { madeUpRun, SMALL } from './made-up-run.contract.ts';

/** Where a run is killed, in a stage of it: before or after the n-th call of a method of its ledger; before the n-th training step or
 * generation; in place of the n-th rename to a file or folder of this name, so between its draft and itself. */
export type Place = { readonly stage: string; readonly n: number } & (
  | { readonly at: 'before' | 'after'; readonly put: keyof Store }
  | { readonly at: 'unit' }
  | { readonly at: 'rename'; readonly of: string }
);

/** What a child process does: the small made-up run in a folder, until the place where it dies. */
export async function runAndDie(folder: string, place: Place | null): Promise<void> {
  const die = () => process.kill(process.pid, 'SIGKILL');
  let count = 0;
  const here = () => {
    if (place !== null && made.started.at(-1) === place.stage && ++count === place.n) die();
  };
  if (place?.at === 'rename') {
    const { of } = place;
    const { rename } = fs.promises;
    fs.promises.rename = async (from, to) => {
      if (String(to).endsWith(of)) here();
      await rename(from, to);
    };
    syncBuiltinESMExports();
  }
  using store = openStore(join(folder, 'run.db'), { config: { seed: SMALL.seed } });
  const dying = new Proxy(store, {
    get(target, name) {
      const value = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        const side = place !== null && 'put' in place && place.put === name ? place.at : null;
        if (side === 'before') here();
        const result = value.apply(target, args);
        if (side === 'after') here();
        return result;
      };
    },
  });
  const made = madeUpRun(dying, folder, {
    config: SMALL,
    onUnit: () => {
      if (place?.at === 'unit') here();
    },
  });
  await run(SMALL, made.ports, made.options);
}

if (import.meta.main) {
  const [folder, place] = process.argv.slice(2) as [string, string];
  await runAndDie(folder, JSON.parse(place) as Place | null);
}
