import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import type { Trainer, TrainJob } from '../trainer.ts';

/** Where a training is killed. `step`: after it was told so many; `rename`: in place of the n-th rename of a file or folder of
 * this name, so between its draft and itself; `write`: in the middle of the n-th write of a line. */
export type Place =
  | { readonly after: 'step'; readonly n: number }
  | { readonly instead: 'rename'; readonly of: string; readonly n: number }
  | { readonly amid: 'write'; readonly n: number };

export interface Order {
  readonly job: TrainJob;
  readonly place: Place | null;
}

/** What a child process does: train as its first argument says, print the steps, and die where it says. */
export async function trainAndDie(open: () => Promise<Trainer>): Promise<void> {
  const { job, place } = JSON.parse(process.argv[2] as string) as Order;
  const die = () => process.kill(process.pid, 'SIGKILL');
  let count = 0;
  if (place && 'instead' in place) {
    const { rename } = fs.promises;
    fs.promises.rename = async (from, to) => {
      if (String(to).endsWith(place.of) && ++count === place.n) die();
      await rename(from, to);
    };
  }
  if (place && 'amid' in place) {
    const { writeSync } = fs;
    fs.writeSync = ((file: number, bytes: Buffer, at: number) => {
      if (++count < place.n) return writeSync(file, bytes, at);
      writeSync(file, bytes, at, Math.floor((bytes.length - at) / 2));
      return die();
    }) as typeof fs.writeSync;
  }
  syncBuiltinESMExports();
  const trainer = await open();
  await trainer.train(job, (step) => {
    process.stdout.write(`${JSON.stringify(step)}\n`);
    if (place && 'after' in place && ++count === place.n) die();
  });
  await trainer.close();
}
