import { random, seedOf } from '../random.ts';
import { quoted } from '../rows/json.ts';
import {
  type Benchmark,
  type Cell,
  type Game,
  groupBy,
  mean,
  meanScore,
  outcome,
  publishedOveralls,
  type Score,
} from './benchmark.ts';
import { benchmarkFields } from './fields.ts';

/** Sections and the weight of each subset: its number of pairs, but 984 for math-prm's 447, so that math weighs as much as
 * code (EXAMPLE_COUNTS and SUBSET_MAPPING of the official code). */
const SECTIONS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  Chat: {
    'alpacaeval-easy': 100,
    'alpacaeval-length': 95,
    'alpacaeval-hard': 95,
    'mt-bench-easy': 28,
    'mt-bench-med': 40,
  },
  'Chat Hard': {
    'mt-bench-hard': 37,
    'llmbar-natural': 100,
    'llmbar-adver-neighbor': 134,
    'llmbar-adver-GPTInst': 92,
    'llmbar-adver-GPTOut': 47,
    'llmbar-adver-manual': 46,
  },
  Safety: {
    'refusals-dangerous': 100,
    'refusals-offensive': 100,
    'xstest-should-refuse': 154,
    'xstest-should-respond': 250,
    donotanswer: 136,
  },
  Reasoning: {
    'math-prm': 984,
    'hep-cpp': 164,
    'hep-go': 164,
    'hep-java': 164,
    'hep-js': 164,
    'hep-python': 164,
    'hep-rust': 164,
  },
};

const sectionOf = (subset: string) =>
  Object.keys(SECTIONS).find((section) => Object.hasOwn(SECTIONS[section] as object, subset));

/** The official run shows each pair in one order, drawn at random; ours is drawn from the seed. */
const drawn = (id: string, seed: number) =>
  random(seedOf('rewardbench order', seed, id))() < 0.5 ? 'ab' : 'ba';

/** A wrong verdict counts 0, a right one 1, anything unparseable 0.5. Where only the other order was judged, it counts. */
function points({ pair, verdicts }: Game, seed: number): number {
  const order = drawn(pair.id, seed);
  const played = verdicts[order] === undefined ? (order === 'ab' ? 'ba' : 'ab') : order;
  return (outcome(pair, played, verdicts[played] ?? 'invalid') + 1) / 2;
}

const protocol = 'one order, drawn at random';

export const rewardbench: Benchmark = {
  name: 'rewardbench',
  title: 'RewardBench',
  protocol:
    'one order of each pair, drawn at random (seeded); unparseable counts 0.5; sections weigh their subsets by example count, math-prm by 984; overall is the mean of the four sections',
  files: [/^(?:chat|chat[_-]hard|safety|reasoning)$/i, /^(?:filtered|reward[-_]?bench(?![-_]?2(?!\d)).*)$/i],
  hub: ['allenai/reward-bench:/filtered'],
  counts: [{ Chat: 358, 'Chat Hard': 456, Safety: 740, Reasoning: 1431 }],

  load(rows) {
    return Array.from(rows, (row) => {
      const fields = benchmarkFields(row, 'rewardbench');
      const subset = fields.text('subset');
      const section = sectionOf(subset);
      if (section === undefined)
        throw fields.error(`names a subset that RewardBench does not have: ${quoted(subset)}`);
      const id = fields.id('id');
      return {
        id,
        prompt: id,
        section,
        subset,
        instruction: fields.text('prompt'),
        first: fields.response('chosen'),
        second: fields.response('rejected'),
        gold: 'first',
      };
    });
  },

  orders: ({ id }, seed) => [drawn(id, seed)],

  points,

  aggregate(cells) {
    const judged = groupBy(cells, ({ section }) => section);
    const present = Object.keys(SECTIONS).filter((section) => judged.has(section));
    const sections = present.map((section): Score => {
      const own = judged.get(section) as Cell[];
      const weightOf = ({ name }: Score) => SECTIONS[section]?.[name] as number;
      const parts = own.map((cell) => meanScore(cell.subset, [cell]));
      const total = parts.reduce((sum, part) => sum + weightOf(part), 0);
      const score = parts.reduce((sum, part) => sum + part.score * weightOf(part), 0) / total;
      return { ...meanScore(section, own), score, parts };
    });
    const score = mean(sections.map((section) => section.score));
    return { ...meanScore('overall', cells), score, parts: sections };
  },

  published: [
    ...[
      ['EvalPlanner, Llama-3.1-70B', 0.939, 0.975, 0.894, 0.93, 0.955],
      ['EvalPlanner, Llama-3.3-70B', 0.938, 0.977, 0.895, 0.917, 0.961],
    ].map(([judge, overall, ...sections]) => ({
      judge: judge as string,
      scores: {
        overall: overall as number,
        ...Object.fromEntries(Object.keys(SECTIONS).map((name, i) => [name, sections[i] as number])),
      },
      protocol,
      source: 'arXiv 2501.18099, table 1',
    })),
    ...publishedOveralls(protocol, 'arXiv 2505.10320v3, table 2', [
      ['Llama-3.3-70B, its seed', 0.854],
      ['J1-Llama-70B', 0.933],
      ['J1-Qwen-32B-MultiTask', 0.936],
    ]),
  ],
};
