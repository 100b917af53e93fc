import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Pool } from '../src/engine/parallel/pool.ts';
import { EmbeddedModel } from '../src/model/embedded.ts';
import { openCheckpoint } from '../src/model/local/checkpoint.ts';
import { makePairs, type PairOptions } from '../src/pairs/make.ts';
import { countDrop, newPairReport } from '../src/pairs/pair.ts';
import { isCorrect } from '../src/playground/families.ts';
import { playgroundInstructions } from '../src/playground/source.ts';
import { PLAYGROUND_PROMPTS } from '../src/prompts/set.ts';
import { seedOf } from '../src/random.ts';
import { conduct } from '../src/sampling/conduct.ts';
import type { Instruction } from '../src/source.ts';
import { openStore } from '../src/store/ledger.ts';
import type { ResponsePair } from '../src/types.ts';

/** Builds the held-out pairs, dev and test: made by M0 exactly as the loop makes its pairs, on instructions that no
 * training ever sees, and checked by the playground's oracle, so that every label is right. */

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: {
    model: { type: 'string', default: join(here, 'model') },
    out: { type: 'string', default: join(here, 'heldout') },
  },
});
const WANTED = 400;
const sampling = { temperature: 0.8, topP: 0.95, maxTokens: 40 };
const answer = { ...sampling, temperature: 0 };

const pool = new Pool();
const { parameters, tokenizer } = await openCheckpoint(values.model);
const model = new EmbeddedModel(pool, parameters, tokenizer);
mkdirSync(values.out, { recursive: true });
for (const split of ['dev', 'test'] as const) {
  const seed = seedOf('held-out', split);
  using store = openStore(':memory:', { config: { split } });
  const how: PairOptions = {
    seed,
    chosen: 'own',
    answer,
    modification: sampling,
    solution: sampling,
    solutions: 8,
  };
  const asked = { revision: model.revision, prompts: PLAYGROUND_PROMPTS };
  const pairsOf = async (instructions: Iterable<Instruction>) => {
    const all = newPairReport();
    const task = (instruction: Instruction) => makePairs(instruction, how, asked);
    for await (const { pairs, dropped } of conduct(instructions, task, { judge: model, store })) {
      all.pairs.push(...pairs);
      for (const [reason, n] of Object.entries(dropped)) countDrop(all, reason, n);
    }
    return all;
  };
  const general = playgroundInstructions(split, 'general', seed).take(3 * WANTED);
  const math = playgroundInstructions(split, 'math', seed).take(2 * WANTED);
  const made = [await pairsOf(general), await pairsOf(math)];
  const kept: ResponsePair[] = made.flatMap(({ pairs, dropped }) => {
    const right = pairs.filter(
      ({ instruction, chosen, rejected }) =>
        isCorrect(instruction, chosen) && !isCorrect(instruction, rejected),
    );
    console.error(split, pairs[0]?.domain, { pairs: pairs.length, rightlyLabelled: right.length, dropped });
    return right.slice(0, WANTED);
  });
  writeFileSync(join(values.out, `${split}.jsonl`), kept.map((pair) => `${JSON.stringify(pair)}\n`).join(''));
}
await pool.close();
