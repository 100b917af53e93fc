import type { RowFields } from '../rows/fields.ts';
import { ORDERS } from '../types.ts';
import { type Benchmark, bySection, rightShare } from './benchmark.ts';
import { benchmarkFields } from './fields.ts';

const SUBSETS: Readonly<Record<string, number>> = {
  Natural: 100,
  Neighbor: 134,
  GPTInst: 92,
  GPTOut: 47,
  Manual: 46,
};

/** A row's own `subset`, else the name of its file or folder. */
function subsetOf(fields: RowFields, file: string): string {
  const name = (fields.has('subset') ? fields.text('subset') : file).toLowerCase();
  const subset = Object.keys(SUBSETS).find((known) => name.includes(known.toLowerCase()));
  if (subset === undefined)
    throw fields.error(`belongs to no subset: name the file after one of ${Object.keys(SUBSETS).join(', ')}`);
  return subset;
}

export const llmbar: Benchmark = {
  name: 'llmbar',
  title: 'LLMBar',
  protocol: 'accuracy averaged over both orders, by subset; overall over all pairs',
  files: [/^(?:natural|neighbor|gptinst|gptout|manual)$/i, /^llmbar.*$/i],
  // The hub's dataset is a script; the rows are in the repository princeton-nlp/LLMBar.
  hub: [],
  counts: [SUBSETS],

  load(rows) {
    return Array.from(rows, (row, i) => {
      const fields = benchmarkFields(row, 'llmbar');
      const subset = subsetOf(fields, row.file);
      const label = fields.number('label');
      if (label !== 1 && label !== 2) throw fields.error(`has the label ${label}, not 1 or 2`);
      const id = fields.has('id') ? fields.id('id') : `${subset}:${i}`;
      return {
        id,
        prompt: id,
        section: subset,
        subset,
        instruction: fields.text('input'),
        first: fields.response('output_1'),
        second: fields.response('output_2'),
        gold: label === 1 ? 'first' : 'second',
      };
    });
  },

  orders: () => ORDERS,

  points: rightShare,
  aggregate: bySection,

  published: [],
};
