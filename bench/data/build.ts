import { join } from 'node:path';
import { preferenceRows } from '../../src/preferences/rows.ts';
import { sftRows } from '../../src/preferences/sft.ts';
import { PUBLISHED_PROMPTS } from '../../src/prompts/set.ts';
import { openRows } from '../../src/rows/write.ts';
import { openStore } from '../../src/store/ledger.ts';
import type { Store } from '../../src/store.ts';
import { madeUpPair, plansOf, thoughtsOf, writtenOf } from './made-up.ts';

/** Response pairs whose thoughts are stored together. */
const BATCH = 64;

export const FILES = ['run.db', 'sft.jsonl', 'dpo-1.jsonl'];

export interface Built {
  /** Preference pairs and SFT rows. */
  readonly preferences: number;
  readonly sft: number;
  /** That this process wrote, and did not find in the ledger. */
  readonly generations: number;
  /** Writing pairs, plans, generations and thoughts into the ledger. */
  readonly storeSeconds: number;
  /** Joining them, and writing the rows to files. */
  readonly buildSeconds: number;
}

/** Made-up thoughts of so many pairs into the ledger, then the rows of SFT and of the first DPO into files, with the published
 * judge prompt. In a folder where it was stopped it goes on, as a run does: what the ledger has is not generated again, and a
 * file is there as a whole or not at all. */
export async function build(folder: string, triples: number, onPhase = (_: string) => {}): Promise<Built> {
  const started = performance.now();
  using store = openStore(join(folder, 'run.db'), { config: { triples } });
  onPhase('storing');
  const generations = store.stage('thoughts 1')?.status === 'done' ? 0 : storeThoughts(store, triples);
  const stored = performance.now();
  onPhase('building');
  const [sft, preferences] = await writeRows(store, folder);
  return {
    preferences,
    sft,
    generations,
    storeSeconds: (stored - started) / 1000,
    buildSeconds: (performance.now() - stored) / 1000,
  };
}

function storeThoughts(store: Store, triples: number): number {
  let generations = 0;
  for (let start = 0; start < triples; start += BATCH) {
    const size = Math.min(BATCH, triples - start);
    const pairs = Array.from({ length: size }, (_, i) => madeUpPair(start + i));
    const plans = pairs.flatMap(plansOf);
    const thoughts = plans.flatMap(thoughtsOf);
    const texts = new Map([
      ...plans.map(({ id, text }) => [id, text] as const),
      ...thoughts.map((thought) => [thought.id, writtenOf(thought)] as const),
    ]);
    store.putPairs('d1', pairs);
    const missing = [...store.missing(texts.keys())];
    generations += missing.length;
    for (let i = 0; i < missing.length; i += BATCH)
      store.putGenerations(
        missing.slice(i, i + BATCH).map((id) => ({
          key: id,
          text: texts.get(id) as string,
          finishReason: 'stop',
          promptTokens: 900,
          completionTokens: 300,
        })),
      );
    store.putPlans(plans);
    store.putThoughts(thoughts);
  }
  store.finishStage('thoughts 1');
  return generations;
}

async function writeRows(store: Store, folder: string): Promise<[number, number]> {
  const shared = { round: 1, form: 'planned', minCorrectShare: 0, seed: 0 } as const;
  const sft = await openRows(join(folder, 'sft.jsonl'));
  const sampled = { ...shared, thoughtsPerPair: 1, plans: 'any' } as const;
  for (const row of sftRows(store, PUBLISHED_PROMPTS, store.pairs({ split: 'd1' }), sampled))
    await sft.write(row);
  await sft.close();
  const dpo = await openRows(join(folder, 'dpo-1.jsonl'));
  const options = {
    ...shared,
    pairing: 'within-plan',
    maxPerPair: 8,
    maxPerGroup: 8,
    balanceVerdicts: false,
  } as const;
  for (const row of preferenceRows(store, PUBLISHED_PROMPTS, store.pairs({ split: 'd1' }), options))
    await dpo.write(row);
  await dpo.close();
  return [sft.rows, dpo.rows];
}
