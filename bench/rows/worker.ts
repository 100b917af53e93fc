import { join } from 'node:path';
import { writeLinesAtomically } from '../../src/files.ts';
import { PreferenceCounts } from '../../src/preferences/counts.ts';
import { preferenceRows } from '../../src/preferences/rows.ts';
import { sftRows } from '../../src/preferences/sft.ts';
import { PUBLISHED_PROMPTS } from '../../src/prompts/set.ts';
import { openStore } from '../../src/store/ledger.ts';

/** Writes the rows files of a ledger as the pipeline does, and prints what that took. */

export interface Written {
  readonly dpo: number;
  readonly sft: number;
  readonly seconds: number;
  /** The highest that it had in memory, node itself (about 60 MB) included. */
  readonly rssMB: number;
}

const [folder = '', config = ''] = process.argv.slice(2);
const started = performance.now();
using store = openStore(join(folder, 'run.db'), { config: JSON.parse(config) });
const shared = { round: 1, form: 'planned', minCorrectShare: 0, seed: 0 } as const;
const pairing = {
  pairing: 'within-plan',
  maxPerPair: 8,
  maxPerGroup: 8,
  balanceVerdicts: false,
} as const;
const pairs = () => store.pairs({ split: 'd1' });
const preferences = preferenceRows(
  store,
  PUBLISHED_PROMPTS,
  pairs(),
  { ...shared, ...pairing },
  new PreferenceCounts(),
);
const dpo = await writeLinesAtomically(join(folder, 'dpo-1.jsonl'), preferences);
const thoughts = sftRows(store, PUBLISHED_PROMPTS, pairs(), { ...shared, thoughtsPerPair: 1, plans: 'any' });
const sft = await writeLinesAtomically(join(folder, 'sft.jsonl'), thoughts);
const seconds = (performance.now() - started) / 1000;
const written: Written = { dpo, sft, seconds, rssMB: process.resourceUsage().maxRSS / 1024 };
console.log(JSON.stringify(written));
