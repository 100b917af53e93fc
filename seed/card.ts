import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Pool } from '../src/engine/parallel/pool.ts';
import { EmbeddedModel } from '../src/model/embedded.ts';
import { openCheckpoint } from '../src/model/local/checkpoint.ts';
import { FAMILIES } from '../src/playground/families.ts';
import { DECIDING_WEIGHT, MIXTURE, TASK_WEIGHT } from '../src/playground/teacher.ts';
import type { ResponsePair } from '../src/types.ts';
import { measure, type Skill } from './measure.ts';
import { CONFIG, RECIPE } from './recipe.ts';

/** Measures M0 and writes its card. */

const here = dirname(fileURLToPath(import.meta.url));
const PER_FAMILY = 100;

const pool = new Pool();
const { parameters, tokenizer } = await openCheckpoint(join(here, 'model'));
const model = new EmbeddedModel(pool, parameters, tokenizer);
const skills = await measure(model, PER_FAMILY);
await pool.close();

const names = [...new Set(skills.map(({ skill }) => skill))];
const percent = (entry: Skill | undefined) =>
  entry ? `${((100 * entry.right) / entry.all).toFixed(0)}` : '–';
const cell = (family: string, skill: string) =>
  percent(skills.find((entry) => entry.family === family && entry.skill === skill));
const table = [
  `| family | ${names.join(' | ')} |`,
  `|---|${names.map(() => '---:').join('|')}|`,
  ...FAMILIES.map(({ name }) => `| ${name} | ${names.map((skill) => cell(name, skill)).join(' | ')} |`),
];
const curve = readFileSync(join(here, 'loss.csv'), 'utf8')
  .trim()
  .split('\n')
  .slice(1)
  .map((line) => line.split(',').map(Number) as [number, number, number, number, number]);
const last = curve.at(-1) as (typeof curve)[number];
const every = Math.max(1, Math.floor(curve.length / 12));
const shown = curve.filter((_, i) => i % every === every - 1 || i === curve.length - 1);
const heldOut = (split: string) => {
  const lines = readFileSync(join(here, 'heldout', `${split}.jsonl`), 'utf8')
    .trim()
    .split('\n');
  const pairs = lines.map((line) => JSON.parse(line) as ResponsePair);
  const of = (domain: string) => pairs.filter((pair) => pair.domain === domain).length;
  return `${of('general')} general and ${of('math')} math`;
};

writeFileSync(
  join(here, 'CARD.md'),
  `# M0, the seed model

A Llama of ${(parameters.flat.length / 1e6).toFixed(2)} M parameters (${CONFIG.numHiddenLayers} layers, hidden ${CONFIG.hiddenSize}, FFN ${CONFIG.intermediateSize}, ${CONFIG.numAttentionHeads} heads over ${CONFIG.numKeyValueHeads} key heads, vocabulary ${CONFIG.vocabSize}, tied),
trained from nothing by this project's engine on text that \`src/playground/teacher.ts\` generates. It answers, modifies instructions,
writes plans and judges in a closed world of ${FAMILIES.length} families of checkable tasks. Its judging is weak on purpose and in one way only:
by *habit*. It knows how to execute a good plan, but mostly writes empty ones or single checks, slips in 3 % of the checks, turns
4 % of the verdicts around, and prefers slot A where it found nothing.

Written by \`npm run seed\`, which trains, builds the held-out pairs and measures. Revision \`${model.revision}\`.

## Recipe
${last[0]} steps of ${RECIPE.examplesPerStep} texts, ${(last[1] / 1e6).toFixed(1)} M tokens, AdamW (betas ${RECIPE.betas.join('/')}, weight decay ${RECIPE.weightDecay}), learning rate ${RECIPE.learningRate} after
${RECIPE.warmupSteps} steps of warm-up, cosine to ${RECIPE.learningRateFloor} of it, gradient norm ${RECIPE.maxGradNorm}, seed ${RECIPE.seed}; loss on completions only, deciding tokens
(yes, no, good, bad, verdicts …) at weight ${DECIDING_WEIGHT}, ${Object.entries(TASK_WEIGHT)
    .map(([task, weight]) => `${task} at ${weight}`)
    .join(', ')}. ${(last[4] / 60).toFixed(0)} minutes on 2 cores that also did other work.
Training is deterministic: weights depend on the recipe and the code only (trainer.test.ts), up to the processor's arithmetic.

Shares of the texts: ${MIXTURE.map(([task, share]) => `${task} ${(100 * share).toFixed(0)} %`).join(', ')}.

Instructions are split by the SHA-256 of their text: half for this pre-training, a quarter for the loop, a twentieth each for
validation and dev, 15 % for test. Nothing M0 ever read is about an instruction of the other splits.

## Loss
| step | tokens | loss |
|---:|---:|---:|
${shown.map(([step, tokens, loss]) => `| ${step} | ${(tokens / 1e6).toFixed(1)} M | ${loss.toFixed(3)} |`).join('\n')}

(Weighted mean over completion tokens, smoothed; all points in \`loss.csv\`. Habits and free choices of words keep it above zero.)

## What it can do
Percent on ${PER_FAMILY} dev instructions of each family, decided by the playground's oracle (interval about ± ${Math.round(100 * 1.96 * Math.sqrt(0.25 / PER_FAMILY))} points at worst). *answer* and
*modify* are sampled at temperature 0.8, top-p 0.95, as in the loop; the rest is greedy. *judge*: a whole thought of its own, one
order; *empty plan*: share of those whose plan checks nothing; *execute*: the verdict when the plan is given.

${table.join('\n')}

Math solutions are taught sloppily (about half are right), so that sampled solutions of a problem hold right and wrong ones.

## Held-out pairs
\`heldout/test.jsonl\` (${heldOut('test')}) and \`heldout/dev.jsonl\` (${heldOut('dev')}; looked at while tuning): made by M0
exactly as the loop makes its pairs, on instructions of their own splits; the oracle dropped those whose label was wrong. The oracle
plays no part in the loop.

## Limits
A closed world of about ${CONFIG.vocabSize} words; numbers up to 99 are single tokens. It reads any UTF-8 text (bytes as fallback) and
understands none outside its world. No bias or safety property of real text can be learned from it.
`,
);
