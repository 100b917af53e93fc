import { EvalPlannerError } from '../errors.ts';
import { ORDERS } from '../types.ts';
import { type Benchmark, bySection, Fields, rightShare, YOUR_OWN } from './benchmark.ts';

/** Any file of pairs: `instruction` (or prompt, question), `chosen` and `rejected`, or `a`, `b` and `label` (A or B);
 * `id` and `subset` where there are. Our own held-out pairs are such files. */
export const custom: Benchmark = {
  name: 'custom',
  title: 'your own pairs',
  protocol: 'accuracy averaged over both orders',
  files: [/./],
  hub: [],
  counts: [],

  load(rows) {
    return Array.from(rows, (row, i) => {
      const fields = new Fields(row, YOUR_OWN);
      if (Array.isArray(fields.value('chosen')) || fields.has('responses'))
        throw new EvalPlannerError(
          'data',
          `${row.at} has a list of responses`,
          'bench it as custom-k, which takes choices among n',
        );
      const name = ['instruction', 'prompt', 'question', 'input'].find((field) => fields.has(field));
      if (name === undefined) throw fields.error('has no instruction (nor prompt, question, input)');
      const labelled = fields.has('a') && fields.has('b');
      const label = labelled ? fields.text('label').trim().toUpperCase() : 'A';
      if (label !== 'A' && label !== 'B')
        throw fields.error(`has the label ${JSON.stringify(label)}, not A or B`);
      const id = fields.has('id') ? fields.id('id') : String(i);
      const subset = ['subset', 'domain', 'category'].find((field) => fields.has(field));
      const section = subset === undefined ? 'all' : fields.text(subset);
      return {
        id,
        prompt: fields.text(name),
        section,
        subset: section,
        instruction: fields.text(name),
        first: fields.text(labelled ? 'a' : 'chosen'),
        second: fields.text(labelled ? 'b' : 'rejected'),
        gold: label === 'A' ? 'first' : 'second',
      };
    });
  },

  orders: () => ORDERS,

  points: rightShare,
  aggregate: bySection,

  published: [],
};

/** The playground's own held-out pairs. */
export const playground: Benchmark = {
  ...custom,
  name: 'playground',
  title: 'Playground, held-out pairs',
  files: [/^test$/],
  counts: [{ general: 400, math: 400 }],
};
