import type { RowFields } from '../rows/fields.ts';
import { quoted } from '../rows/json.ts';
import type { SourceRow } from '../rows/row.ts';
import { ORDERS } from '../types.ts';
import {
  type Benchmark,
  type BenchmarkPair,
  type Cell,
  groupBy,
  mean,
  meanScore,
  publishedOveralls,
  rightShare,
  type Score,
} from './benchmark.ts';
import { benchmarkFields } from './fields.ts';

/** Sets of the correctness part, by what their files and datasets are called. */
const SETS: readonly (readonly [string, RegExp])[] = [
  ['MMLU-Pro', /mmlu/],
  ['MATH', /math/],
  ['GPQA', /gpqa/],
  ['MBPP+', /mbpp/],
  ['IFEval', /ifeval/],
];

/** Of published figures; both orders averaged, as here, have the same mean. */
const ONE_ORDER = 'one order, drawn at random';

/** A row's own `benchmark`, else the name of its file, else the fields that only one set has. */
function setOf(fields: RowFields, file: string): string {
  const told = fields.has('benchmark') ? fields.text('benchmark') : file;
  const named = SETS.find(([, pattern]) => pattern.test(told.toLowerCase()));
  if (named) return named[0];
  if (fields.has('ifeval_prompt')) return 'IFEval';
  if (fields.has('Record ID')) return 'GPQA';
  throw fields.error(
    `belongs to no set: name the file after one of ${SETS.map(([name]) => name).join(', ')}, or say so in a field benchmark`,
  );
}

/** The pairs of a row: those that were drawn for judges where it says which, else every right answer against every wrong one. */
function drawn(fields: RowFields, scores: readonly boolean[]): [right: number, wrong: number][] {
  const listed = fields.value('sampled_conflict_pairs');
  if (listed === undefined)
    return scores.flatMap((right, i) =>
      right ? scores.flatMap((other, j): [number, number][] => (other ? [] : [[i, j]])) : [],
    );
  if (!Array.isArray(listed)) throw fields.error('has no list sampled_conflict_pairs');
  return listed.map((pair: unknown) => {
    const [i, j] = Array.isArray(pair) && pair.length === 2 ? pair.map(Number) : [];
    const [first, second] = [scores[i ?? -1], scores[j ?? -1]];
    if (first === undefined || second === undefined || first === second)
      throw fields.error(`has a conflict pair ${quoted(pair)} that is not a right and a wrong response`);
    return (first ? [i, j] : [j, i]) as [number, number];
  });
}

function correctness(row: SourceRow, seen: Map<string, number>): BenchmarkPair[] {
  const fields = benchmarkFields(row, 'ppe-correctness');
  const section = setOf(fields, row.file);
  const scores = fields.value('scores');
  if (
    !Array.isArray(scores) ||
    scores.some((score) => typeof score !== 'boolean' && score !== 0 && score !== 1)
  )
    throw fields.error('has no list scores of true and false');
  const right = scores.map(Boolean);
  // One question is answered by several models, a row each.
  const question = `${section}:${fields.id('question_id')}`;
  const answerer = fields.has('model_name') ? `:${fields.text('model_name')}` : '';
  const name = `${question}${answerer}`;
  const again = seen.get(name) ?? 0;
  seen.set(name, again + 1);
  return drawn(fields, right).map(([i, j]) => ({
    id: `${name}${again === 0 ? '' : `#${again + 1}`}:${i}:${j}`,
    prompt: question,
    section,
    subset: section,
    instruction: fields.text('prompt'),
    first: fields.response(`response_${i + 1}`),
    second: fields.response(`response_${j + 1}`),
    gold: 'first',
  }));
}

/** The mean of the sets, each the mean of its pairs' points. */
function meanOfSets(cells: readonly Cell[]): Score {
  const parts = [...groupBy(cells, ({ section }) => section)].map(([name, own]) => meanScore(name, own));
  return { ...meanScore('overall', cells), score: mean(parts.map(({ score }) => score)), parts };
}

export const ppeCorrectness: Benchmark = {
  name: 'ppe-correctness',
  title: 'PPE correctness',
  protocol:
    'pair accuracy of each set on its sampled conflict pairs, both orders averaged; overall is the mean of the sets',
  files: [
    /^(?:ppe[-_])?(?:mmlu-pro|math|gpqa|mbpp-plus|ifeval)(?:[-_]best[-_]of[-_]k)?$/i,
    /^ppe[-_]correctness.*$/i,
  ],
  hub: ['MMLU-Pro', 'MATH', 'GPQA', 'MBPP-Plus', 'IFEval'].map((set) => `lmarena-ai/PPE-${set}-Best-of-K`),
  // How many pairs were drawn is not published.
  counts: [],

  load(rows) {
    const seen = new Map<string, number>();
    return Array.from(rows, (row) => correctness(row, seen)).flat();
  },

  orders: () => ORDERS,
  points: rightShare,
  aggregate: meanOfSets,

  published: [
    ...[
      ['EvalPlanner, Llama-3.3-70B', 0.702, 0.784, 0.817, 0.644, 0.622, 0.643],
      ['Llama-3.3-70B, its seed', 0.657, 0.721, 0.731, 0.612, 0.596, 0.623],
      ['J1-Llama-70B', 0.729, 0.79, 0.86, 0.659, 0.66, 0.673],
      ['J1-Qwen-32B-MultiTask', 0.768, 0.85, 0.943, 0.686, 0.663, 0.695],
    ].map(([judge, overall, ...sets]) => ({
      judge: judge as string,
      scores: {
        overall: overall as number,
        ...Object.fromEntries(SETS.map(([name], i) => [name, sets[i] as number])),
      },
      protocol: ONE_ORDER,
      source: 'arXiv 2505.10320v3, table 1',
    })),
    ...publishedOveralls('right in both orders', 'arXiv 2505.10320v3, table 3', [
      ['J1-Llama-70B', 0.612],
      ['J1-Qwen-32B-MultiTask', 0.67],
    ]),
  ],
};

export const ppePreference: Benchmark = {
  name: 'ppe-preference',
  title: 'PPE human preference',
  protocol:
    'accuracy on the battles that a person decided, ties left out, both orders averaged; over all battles',
  files: [/^ppe[-_](?:human[-_])?preference.*$/i, /^test(?:-.*)?$/i],
  hub: ['lmarena-ai/PPE-Human-Preference-V1'],
  // Of 16,038 battles about 10.2 thousand are no ties; the exact number is not published.
  counts: [],

  load(rows) {
    return Array.from(rows, (row, i): BenchmarkPair[] => {
      const fields = benchmarkFields(row, 'ppe-preference');
      const winner = fields.text('winner');
      if (winner.startsWith('tie')) return [];
      if (winner !== 'model_a' && winner !== 'model_b')
        throw fields.error(`has the winner ${quoted(winner)}, not model_a, model_b or a tie`);
      const section = fields.has('language') ? fields.text('language') : 'all';
      return [
        {
          id: fields.has('question_id') ? fields.id('question_id') : String(i),
          prompt: fields.text('prompt'),
          section,
          subset: section,
          instruction: fields.text('prompt'),
          first: fields.response('response_1'),
          second: fields.response('response_2'),
          gold: winner === 'model_a' ? 'first' : 'second',
        },
      ];
    }).flat();
  },

  orders: () => ORDERS,
  points: rightShare,
  aggregate: (cells) => meanScore('overall', cells),

  published: [
    ...publishedOveralls(ONE_ORDER, 'arXiv 2505.10320v1, table 2', [
      ['EvalPlanner, Llama-3.3-70B', 0.656],
      ['Llama-3.3-70B, its seed', 0.659],
      ['J1-Llama-70B', 0.663],
      ['o1-mini', 0.657],
      ['DeepSeek-R1', 0.68],
    ]),
    ...publishedOveralls('not said there', 'table of SkyworkAI/Skywork-Reward-V2', [
      ['gpt-4o', 0.677],
      ['claude-3.5-sonnet', 0.673],
    ]),
  ],
};
