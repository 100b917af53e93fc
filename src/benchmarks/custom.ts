import { compared } from '../rows/compared.ts';
import { RowFields } from '../rows/fields.ts';
import { ORDERS } from '../types.ts';
import { type Benchmark, bySection, rightShare } from './benchmark.ts';
import { sectionOf, YOUR_OWN } from './fields.ts';

const isTexts = (value: unknown) =>
  Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string');

/** Any file of pairs: `instruction` (or prompt, question), `chosen` and `rejected`, or `a`, `b` and `label` (A or B), and the other
 * forms that `compared` reads; `id` and `subset` where there are. Our own held-out pairs are such files. */
export const custom: Benchmark = {
  name: 'custom',
  title: 'your own pairs',
  protocol: 'accuracy averaged over both orders',
  files: [/./],
  hub: [],
  counts: [],

  load(rows) {
    return Array.from(rows, (row, i) => {
      const fields = new RowFields(row, YOUR_OWN);
      const several = ['chosen', 'rejected'].some((name) => isTexts(fields.value(name)));
      if (several || fields.has('responses'))
        throw fields.error('has a list of responses', 'bench it as custom-k, which takes choices among n');
      const { question, responses, gold } = compared(fields);
      if (gold === null)
        throw fields.error('has no label (nor gold, nor winner): it does not say which response is better');
      if (gold === 'tie')
        throw fields.error('calls its two responses equal, and a benchmark is of pairs with a better one');
      const section = sectionOf(fields);
      return {
        id: fields.isBlank('id') ? String(i) : fields.id('id'),
        prompt: question.text,
        section,
        subset: section,
        instruction: question.text,
        first: responses[0],
        second: responses[1],
        gold: gold === 'A' ? 'first' : 'second',
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
