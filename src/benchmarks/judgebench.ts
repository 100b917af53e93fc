import { quoted } from '../rows/json.ts';
import { ORDERS } from '../types.ts';
import { type Benchmark, bySection, type Game, outcome } from './benchmark.ts';
import { benchmarkFields } from './fields.ts';

/** The official categories of the rows' sources. */
function category(source: string): string {
  if (source.startsWith('mmlu-pro')) return 'knowledge';
  if (source === 'livebench-reasoning') return 'reasoning';
  if (source === 'livebench-math') return 'math';
  return source === 'livecodebench' ? 'coding' : '';
}

/** Each game counts +1, −1 or 0; the pair is right where the sum is positive, so one right verdict and a tie suffice. */
function right({ pair, verdicts }: Game): number {
  const sum = ORDERS.reduce((total, order) => total + outcome(pair, order, verdicts[order] ?? 'invalid'), 0);
  return sum > 0 ? 1 : 0;
}

export const judgebench: Benchmark = {
  name: 'judgebench',
  title: 'JudgeBench',
  protocol:
    'both orders of each pair; +1 for a right verdict, −1 for a wrong one, 0 for a tie or none; a pair is right where the sum is positive',
  files: [/^gpt(?:-4o)?$/i, /^claude(?:-3-5-sonnet)?$/i, /^judge-?bench.*$/i],
  hub: ['ScalerLab/JudgeBench:/gpt'],
  // Answers of GPT-4o, and of Claude 3.5 Sonnet.
  counts: [
    { knowledge: 154, reasoning: 98, math: 56, coding: 42 },
    { knowledge: 154, reasoning: 51, math: 34, coding: 31 },
  ],

  load(rows) {
    return Array.from(rows, (row) => {
      const fields = benchmarkFields(row, 'judgebench');
      const source = fields.text('source');
      const section = category(source);
      if (section === '') throw fields.error(`names a source that JudgeBench does not have: ${source}`);
      const label = fields.text('label');
      if (label !== 'A>B' && label !== 'B>A')
        throw fields.error(`has the label ${quoted(label)}, not A>B or B>A`);
      const id = fields.id('pair_id');
      return {
        id,
        prompt: id,
        section,
        subset: source,
        instruction: fields.text('question'),
        first: fields.response('response_A'),
        second: fields.response('response_B'),
        gold: label === 'A>B' ? 'first' : 'second',
      };
    });
  },

  orders: () => ORDERS,

  points: right,
  aggregate: bySection,

  published: [
    ['EvalPlanner, Llama-3.1-70B', 0.509, 'both games right', 'arXiv 2501.18099'],
    ['EvalPlanner, Llama-3.3-70B', 0.566, 'both games right', 'arXiv 2501.18099'],
    ['J1-Llama-70B', 0.6, 'both games right', 'arXiv 2505.10320v3, table 2'],
    ['J1-Qwen-32B-MultiTask', 0.714, 'both games right', 'arXiv 2505.10320v3, table 2'],
    ['o1-mini', 0.6571, 'official', "the benchmark's own leaderboard"],
  ].map(([judge, overall, protocol, source]) => ({
    judge: judge as string,
    scores: { overall: overall as number },
    protocol: protocol as string,
    source: source as string,
  })),
};
