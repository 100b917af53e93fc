import { Fields, YOUR_OWN } from './benchmark.ts';
import { bySubset, type ChoiceBenchmark } from './choice.ts';

/** The index that `best` gives: a number from 0, or a slot's letter. */
function bestOf(fields: Fields, n: number): number {
  const told = fields.value('best');
  const index =
    typeof told === 'string' && /^[A-Za-z]$/.test(told) ? told.toUpperCase().charCodeAt(0) - 65 : told;
  if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= n)
    throw fields.error(`has the best ${JSON.stringify(told)}, not an index from 0 to ${n - 1} or a letter`);
  return index;
}

/** Any file of choices: `instruction` (or prompt, question, input), and `chosen` and `rejected`, each a text or a list of them,
 * or `responses` and `best`; `id` and `subset` where there are. */
export const customK: ChoiceBenchmark = {
  name: 'custom-k',
  title: 'your own choices',
  protocol: {
    'best-of-n':
      'the best of n responses, a right one in a slot drawn at random (seeded); no verdict counts what a guess would',
    ratings:
      'every response rated from 1 to 10 by itself; the share of right ones among those with the highest rating counts',
    knockout: 'two at a time, winners of pairs meet, both orders each',
    'round-robin':
      'every pair is compared, both orders each; the share of right ones among those with most wins counts',
  },
  files: [/./],
  hub: [],
  counts: [],

  load(rows) {
    return Array.from(rows, (row, i) => {
      const fields = new Fields(row, YOUR_OWN);
      const name = ['instruction', 'prompt', 'question', 'input'].find((field) => fields.has(field));
      if (name === undefined) throw fields.error('has no instruction (nor prompt, question, input)');
      const list = (field: string) =>
        typeof fields.value(field) === 'string' ? [fields.text(field)] : fields.texts(field);
      let [right, wrong] = [[] as string[], [] as string[]];
      if (fields.has('responses')) {
        const all = fields.texts('responses');
        const best = bestOf(fields, all.length);
        [right, wrong] = [[all[best] as string], all.filter((_, index) => index !== best)];
      } else [right, wrong] = [list('chosen'), list('rejected')];
      if (right.length === 0 || wrong.length === 0)
        throw fields.error(`has ${right.length} right and ${wrong.length} wrong responses: each needs one`);
      const subset = ['subset', 'domain', 'category'].find((field) => fields.has(field));
      const section = subset === undefined ? 'all' : fields.text(subset);
      return {
        id: fields.has('id') ? fields.id('id') : String(i),
        prompt: fields.text(name),
        section,
        subset: section,
        instruction: fields.text(name),
        responses: [...right, ...wrong],
        right: right.length,
        ratingsOnly: false,
      };
    });
  },

  aggregate: bySubset,
  published: [],
};
