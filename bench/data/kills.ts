import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pipeline } from 'node:stream/promises';
import { random } from '../../src/random.ts';
import { buildApart, type Measured, type Moment } from './process.ts';

export interface Kills {
  readonly triples: number;
  /** Processes that a kill met at work, by phase. */
  readonly killed: { readonly storing: number; readonly building: number };
  /** The files' bytes and every table of the ledger are those of a build that was left alone. */
  readonly identical: boolean;
  /** Files under a final name after any of the kills that were not those of the build that was left alone. */
  readonly torn: number;
}

/** Build with a process that is killed at random moments of either phase and started again, and compare. */
export async function killedBuilds(folder: string, triples: number, each: number): Promise<Kills> {
  const [alone, disturbed] = ['alone', 'killed'].map((name) => join(folder, name)) as [string, string];
  for (const path of [alone, disturbed]) mkdirSync(path);
  const { storeSeconds, buildSeconds } = (await buildApart(alone, triples)) as Measured;
  const whole = await fileHashes(alone);
  const next = random(1);
  const killed = { storing: 0, building: 0 };
  let torn = 0;
  for (const [phase, seconds] of [
    ['storing', storeSeconds],
    ['building', buildSeconds],
  ] as const) {
    for (let i = 0; i < each; i++) {
      const kill: Moment = { phase, after: next() * 900 * seconds };
      if ((await buildApart(disturbed, triples, kill)) === null) killed[phase]++;
      for (const [name, hash] of await fileHashes(disturbed)) if (hash !== whole.get(name)) torn++;
    }
  }
  await buildApart(disturbed, triples);
  const files = await fileHashes(disturbed);
  const same =
    [...whole].every(([name, hash]) => files.get(name) === hash) &&
    readdirSync(disturbed).every((name) => !name.endsWith('.draft'));
  return { triples, killed, identical: same && contents(alone) === contents(disturbed), torn };
}

async function fileHashes(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const name of ['sft.jsonl', 'dpo-1.jsonl']) {
    if (!existsSync(join(folder, name))) continue;
    const hash = createHash('sha256');
    await pipeline(createReadStream(join(folder, name)), hash);
    found.set(name, hash.digest('hex'));
  }
  return found;
}

/** A hash of what the ledger holds but for the moments at which it was written. */
function contents(folder: string): string {
  const db = new DatabaseSync(join(folder, 'run.db'), { readOnly: true });
  const hash = createHash('sha256');
  for (const query of [
    'SELECT key, text, finish_reason, prompt_tokens, completion_tokens FROM generations ORDER BY key',
    'SELECT * FROM pairs ORDER BY n',
    'SELECT * FROM plans ORDER BY id',
    'SELECT * FROM thoughts ORDER BY id',
    'SELECT pair_id, chosen_id, rejected_id, pairing FROM preferences ORDER BY n',
    'SELECT name, done, result FROM stages ORDER BY name',
  ])
    for (const row of db.prepare(query).iterate()) hash.update(JSON.stringify(row));
  db.close();
  return hash.digest('hex');
}
