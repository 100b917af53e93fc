/** `npm run bench:rows`: the memory that the rows of a run take. A ledger of the published setting's 869,160 thoughts
 * (arXiv 2501.18099: 21,729 response pairs, 5 plans, 8 executions each) is made up; then the rows of DPO and of SFT are written to
 * their files by a process of its own, as the pipeline does. `bench:data` measures time and kills. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openStore } from '../src/store/ledger.ts';
import { madeUpPair, plansOf, SETTING, thoughtsOf } from './data/made-up.ts';
import type { Written } from './rows/worker.ts';

const PER_PAIR = SETTING.plans * SETTING.executions * 2;
/** Response pairs whose thoughts are stored together. */
const BATCH = 64;
const TARGET_MB = 500;

const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    thoughts: { type: 'string', default: String(SETTING.triples * PER_PAIR) },
    /** Of a thought, plan and execution together. */
    bytes: { type: 'string', default: '400' },
  },
});
const triples = Math.ceil(Number(values.thoughts) / PER_PAIR);
const bytes = Number(values.bytes);
const plan = Math.round(bytes / 3);

const folder = await mkdtemp(join(tmpdir(), 'bench-rows-'));
try {
  const started = performance.now();
  const config = { triples, bytes };
  const path = join(folder, 'run.db');
  {
    using store = openStore(path, { config });
    for (let start = 0; start < triples; start += BATCH) {
      const pairs = Array.from({ length: Math.min(BATCH, triples - start) }, (_, i) => madeUpPair(start + i));
      store.putPairs('d1', pairs);
      store.putThoughts(
        pairs.flatMap((pair) => plansOf(pair, plan)).flatMap((own) => thoughtsOf(own, bytes - plan)),
      );
    }
    store.finishStage('thoughts 1');
  }
  const storeSeconds = (performance.now() - started) / 1000;
  const worker = join(import.meta.dirname, 'rows', 'worker.ts');
  const out = execFileSync(process.execPath, [worker, folder, JSON.stringify(config)], { encoding: 'utf8' });
  const { dpo, sft, seconds, rssMB } = JSON.parse(out) as Written;
  const sizes = await Promise.all(
    ['run.db', 'dpo-1.jsonl', 'sft.jsonl'].map(async (name) => (await stat(join(folder, name))).size),
  );
  const [ledgerMB = 0, dpoMB = 0, sftMB = 0] = sizes.map((size) => Math.round(size / 2 ** 20));
  const thoughts = triples * PER_PAIR;
  if (values.json) {
    const figures = { thoughts, bytes, rssMB, seconds, dpo, sft, dpoMB, sftMB, ledgerMB, storeSeconds };
    console.log(JSON.stringify(figures));
  } else {
    console.log(
      `${thoughts} thoughts of ${bytes} bytes, stored in ${storeSeconds.toFixed(0)} s: a ledger of ${ledgerMB} MB`,
    );
    console.log(`${dpo} DPO rows (${dpoMB} MB) and ${sft} SFT rows (${sftMB} MB) in ${seconds.toFixed(1)} s`);
    console.log(`peak ${Math.round(rssMB)} MB, ${rssMB <= TARGET_MB ? 'within' : 'ABOVE'} ${TARGET_MB} MB`);
  }
  if (rssMB > TARGET_MB) process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
