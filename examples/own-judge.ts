/** A judge of your own from an array of pairs: `node examples/own-judge.ts [FOLDER]`; in your project import from 'evalplanner'. */
import { readFileSync } from 'node:fs';
import { defineConfig, judge, judgeOptions, openModel, runIn } from '../src/index.ts';

// Yours: {instruction, chosen, rejected} each. Here those of the playground that come with the package.
const file = readFileSync(`${import.meta.dirname}/../seed/heldout/dev.jsonl`, 'utf8')
  .trim()
  .split('\n');
const pairs: object[] = file.slice(0, 400).map((line) => JSON.parse(line));

const sft = { kind: 'sft', learningRate: 5e-4, warmupSteps: 5, epochs: 1, batchSize: 32 } as const;
const config = defineConfig({
  prompts: 'playground', // `published` (the default) for every other model
  models: { judge: 'playground' }, // or a folder, hf:OWNER/NAME
  sources: { mine: { kind: 'pairs', from: pairs } },
  rounds: [{ pairs: { mine: 200 }, train: [{ ...sft, thoughtsPerPair: 6, plans: 'best' }] }],
  validation: { pairs: { mine: 20 } },
  test: { pairs: { mine: 40 } },
  thoughts: { plans: 4, executions: 2, maxPlanTokens: 48, maxThoughtTokens: 144 },
  optimiser: { maxLength: 256, checkpoints: 1 },
});

const folder = process.argv[2] ?? 'runs/own-judge';
const report = await runIn(folder, config);
for (const { name, sets } of report?.stages ?? []) console.log(name, sets.mine?.accuracy.toFixed(3));

const trained = `${folder}/checkpoints/M1-SFT`;
const model = await openModel(trained);
const pair = { instruction: 'Count down from 5 to 0.', responses: ['5 4 3 2 1 0', '5 4 3 2 1'] } as const;
const { winner } = await judge(model, pair, await judgeOptions(trained));
console.log({ winner });
await model.close();
