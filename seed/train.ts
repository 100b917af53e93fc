import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { writeCheckpoint } from '../src/engine/llama/checkpoint.ts';
import { initialise, Parameters } from '../src/engine/llama/parameters.ts';
import { Pool } from '../src/engine/parallel/pool.ts';
import type { Sequence } from '../src/engine/training/sequence.ts';
import { StepTrainer } from '../src/engine/training/trainer.ts';
import { tokenizer } from '../src/model/local/tokenizer.ts';
import { writeJudgeFile } from '../src/pipeline/judge-file.ts';
import {
  DECIDING_TOKENS,
  DECIDING_WEIGHT,
  type SeedExample,
  seedExample,
  TASK_WEIGHT,
} from '../src/playground/teacher.ts';
import { EOS_ID, tokenizerConfig, tokenizerJson } from '../src/playground/tokenizer.ts';
import { random, seedOf } from '../src/random.ts';
import { CONFIG, JUDGE, RECIPE } from './recipe.ts';

/** Pre-trains M0 from generated text and writes it as a Hugging Face folder: `npm run seed`. */

const here = dirname(fileURLToPath(import.meta.url));
const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(here, 'model') },
    steps: { type: 'string', default: String(RECIPE.steps) },
    log: { type: 'string', default: join(here, 'loss.csv') },
  },
});
const steps = Number(values.steps);

const text = tokenizer(tokenizerJson(), tokenizerConfig());
const deciding = new Set(DECIDING_TOKENS.flatMap((token) => text.encode(token)));

function sequence({ task, prompt, completion }: SeedExample): Sequence {
  const start = text.encode(prompt);
  const end = [...text.encode(completion), EOS_ID];
  const weights = end.map((id) => (deciding.has(id) ? DECIDING_WEIGHT : (TASK_WEIGHT[task] ?? 1)));
  return { ids: [...start, ...end], start: start.length, weights };
}

const parameters = new Parameters(CONFIG);
initialise(parameters, random(seedOf('M0 weights', RECIPE.seed)));
const pool = new Pool();
const trainer = new StepTrainer(pool, parameters, { ...RECIPE, steps });
const texts = random(seedOf('M0 texts', RECIPE.seed));
const nextBatch = () => Array.from({ length: RECIPE.examplesPerStep }, () => sequence(seedExample(texts)));
const files = {
  'tokenizer.json': JSON.stringify(tokenizerJson()),
  'tokenizer_config.json': JSON.stringify(tokenizerConfig(), null, 2),
};

// Under its own name when it is whole.
const draft = `${values.log}.draft`;
mkdirSync(dirname(values.log), { recursive: true });
writeFileSync(draft, 'step,tokens,loss,gradNorm,seconds\n');
const started = performance.now();
let tokens = 0;
let mean = 0;
let batch = nextBatch();
for (let step = 1; step <= steps; step++) {
  const running = trainer.sft(batch);
  batch = nextBatch();
  const result = await running;
  tokens += result.tokens;
  mean = step === 1 ? result.loss : 0.98 * mean + 0.02 * result.loss;
  if (step % 50 === 0 || step === steps) {
    const seconds = (performance.now() - started) / 1000;
    const row = [step, tokens, mean.toFixed(4), result.gradNorm.toFixed(3), seconds.toFixed(1)].join(',');
    appendFileSync(draft, `${row}\n`);
    console.error(`${row}  ${(tokens / seconds).toFixed(0)} tok/s`);
  }
  if (step % 500 === 0 || step === steps)
    await writeCheckpoint(values.out, parameters, { extraFiles: files });
  await writeJudgeFile(values.out, JUDGE);
}
renameSync(draft, values.log);
await pool.close();
