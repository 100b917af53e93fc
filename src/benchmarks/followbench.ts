import { ORDERS } from '../types.ts';
import { type Benchmark, bySection, rightShare } from './benchmark.ts';
import { benchmarkFields } from './fields.ts';

/** Pairs that `evalplanner bench build followbench` writes: nobody has published the original 205. */
export const followbenchEval: Benchmark = {
  name: 'followbench-eval',
  title: 'FollowBenchEval',
  protocol:
    'both orders of each pair; a pair is right where both verdicts are; by level and over all pairs. The pairs are of your own making: the published ones were never released',
  files: [/^followbench[-_]?eval.*$/i],
  hub: [],
  counts: [],

  load(rows) {
    return Array.from(rows, (row) => {
      const fields = benchmarkFields(row, 'followbench-eval');
      const level = fields.number('level');
      if (!Number.isInteger(level) || level < 1 || level > 5)
        throw fields.error(`has the level ${level}, not one from 1 to 5`);
      const verified = fields.value('verified') as { by?: unknown } | undefined;
      if (verified?.by !== 'rule' && verified?.by !== 'model')
        throw fields.error('does not say how it was verified');
      return {
        id: fields.id('id'),
        prompt: fields.text('example'),
        section: `L${level}`,
        subset: fields.text('category'),
        instruction: fields.text('instruction'),
        first: fields.response('chosen'),
        second: fields.response('rejected'),
        gold: 'first',
      };
    });
  },

  orders: () => ORDERS,
  points: (game) =>
    ORDERS.every((order) => game.verdicts[order] !== undefined) && rightShare(game) === 1 ? 1 : 0,
  aggregate(cells) {
    const { parts = [], ...overall } = bySection(cells);
    return { ...overall, parts: parts.toSorted((a, b) => a.name.localeCompare(b.name)) };
  },

  published: [
    ['EvalPlanner, Llama-3.1-70B', 56.6, 'arXiv 2501.18099'],
    ['EvalPlanner, Llama-3.3-70B', 65.4, 'arXiv 2501.18099'],
    ['J1-Llama-70B', 69.3, 'arXiv 2505.10320v3, table 2'],
    ['J1-Qwen-32B-MultiTask', 77.1, 'arXiv 2505.10320v3, table 2'],
  ].map(([judge, overall, source]) => ({
    judge: judge as string,
    scores: { overall: (overall as number) / 100 },
    protocol: 'both games right, on its authors’ own 205 pairs',
    source: source as string,
  })),
};
