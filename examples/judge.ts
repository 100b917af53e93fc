/** Which of two answers is better? `node examples/judge.ts [FOLDER]`; in your project import from 'evalplanner'. */
import { judge, judgeOptions, openEmbedded } from '../src/index.ts';

const folder = process.argv[2] ?? `${import.meta.dirname}/../seed/model`;
const model = await openEmbedded(folder);

// Its evalplanner.json says how it was trained to judge; any other model is asked for a plan, then for its execution.
const { winner, consistent, orders, usage } = await judge(
  model,
  {
    instruction: 'Count down from 5 to 0.',
    responses: ['5 4 3 2 1 0', '5 4 3 2 1'],
  },
  await judgeOptions(folder),
);

for (const { order, votes } of orders) console.log(order, votes[0]?.verdict, '\n ', votes[0]?.execution);
console.log({ winner, consistent, asked: usage.asked });
await model.close();
