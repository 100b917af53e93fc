/** The best of n answers: `node examples/best-of-n.ts [FOLDER]`; in your project import from 'evalplanner'. */
import { judgeOptions, openEmbedded, rank } from '../src/index.ts';

const folder = process.argv[2] ?? `${import.meta.dirname}/../seed/model`;
const model = await openEmbedded(folder);
const responses = ['5 4 3 2 1', '5 4 3 2 1 0', '0 1 2 3 4 5', '5 4 2 1 0'];

// A knockout makes n − 1 comparisons, a round robin n(n − 1)/2; both judge every pair in both orders.
const ranking = await rank(
  model,
  { instruction: 'Count down from 5 to 0.', responses },
  { method: 'round-robin', ...(await judgeOptions(folder)) },
);

console.log(`best: ${responses[ranking.best]}`);
for (const index of ranking.order) console.log(`${ranking.points[index]} points: ${responses[index]}`);
console.log(`${ranking.comparisons.length} comparisons, ${ranking.usage.asked} generations`);
await model.close();
