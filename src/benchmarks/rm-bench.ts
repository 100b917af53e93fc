import type { RowFields } from '../rows/fields.ts';
import { ORDERS } from '../types.ts';
import {
  type Benchmark,
  type BenchmarkPair,
  groupBy,
  mean,
  meanScore,
  publishedOveralls,
  rightShare,
  type Score,
} from './benchmark.ts';
import { benchmarkFields } from './fields.ts';

/** Responses of one prompt come in three styles, in this order. */
const STYLES = ['concise', 'detailed', 'markdown'] as const;
const LEVELS = ['easy', 'normal', 'hard'] as const;

/** chosen_i against rejected_j: hard where the rejected one has the richer style, easy where the chosen one has. */
const level = (chosen: number, rejected: number): (typeof LEVELS)[number] =>
  chosen === rejected ? 'normal' : chosen < rejected ? 'hard' : 'easy';

/** `domain` of the full set (safety's two parts are pooled), else the file's name: chat_filtered.json. */
function domainOf(fields: RowFields, file: string): string {
  const domain = fields.has('domain') ? fields.text('domain') : file;
  const known = /^(chat|code|math|safety)/.exec(domain)?.[1];
  if (known === undefined) throw fields.error(`has no domain of chat, code, math and safety`);
  return known;
}

export const rmBench: Benchmark = {
  name: 'rm-bench',
  title: 'RM-Bench',
  protocol:
    'all nine cells chosen_i × rejected_j of each prompt, both orders averaged; hard above, normal on, easy below the diagonal; a domain is the mean of the three, overall the mean of the domains',
  files: [/^total_dataset$/i, /^(?:chat|code|math|safety-(?:refuse|response))_filtered$/i, /^rm-?bench.*$/i],
  hub: ['THU-KEG/RM-Bench'],
  counts: [{ chat: 129 * 9, code: 228 * 9, math: 529 * 9, safety: 441 * 9 }],

  load(rows) {
    const pairs: BenchmarkPair[] = [];
    for (const row of rows) {
      const fields = benchmarkFields(row, 'rm-bench');
      const domain = domainOf(fields, row.file);
      const prompt = `${domain}:${fields.id('id')}`;
      const [chosen, rejected] = [fields.texts('chosen'), fields.texts('rejected')];
      if (chosen.length !== STYLES.length || rejected.length !== STYLES.length)
        throw fields.error(
          `has ${chosen.length} chosen and ${rejected.length} rejected responses, not 3 and 3`,
        );
      for (const [i, first] of chosen.entries())
        for (const [j, second] of rejected.entries())
          pairs.push({
            id: `${prompt}:${i}:${j}`,
            prompt,
            section: domain,
            subset: level(i, j),
            instruction: fields.text('prompt'),
            first,
            second,
            gold: 'first',
          });
    }
    return pairs;
  },

  orders: () => ORDERS,

  points: rightShare,

  aggregate(cells) {
    const domains = [...groupBy(cells, ({ section }) => section)].map(([name, own]): Score => {
      const parts = LEVELS.flatMap((at) => {
        const cell = own.find(({ subset }) => subset === at);
        return cell ? [meanScore(at, [cell])] : [];
      });
      return { ...meanScore(name, own), score: mean(parts.map(({ score }) => score)), parts };
    });
    const score = mean(domains.map((domain) => domain.score));
    // Across domains a level is the mean of theirs, as officially.
    const levels = LEVELS.flatMap((name): Score[] => {
      const own = domains.flatMap(({ parts = [] }) => parts.filter((part) => part.name === name));
      if (own.length === 0) return [];
      const pairs = own.reduce((sum, part) => sum + part.pairs, 0);
      return [{ name, score: mean(own.map((part) => part.score)), pairs }];
    });
    return { ...meanScore('overall', cells), score, parts: [...domains, ...levels] };
  },

  published: [
    ...[
      ['EvalPlanner, Llama-3.1-70B', 0.8, 0.817, 0.772, 0.811],
      ['EvalPlanner, Llama-3.3-70B', 0.821, 0.811, 0.808, 0.843],
    ].map(([judge, overall, easy, normal, hard]) => ({
      judge: judge as string,
      scores: {
        overall: overall as number,
        easy: easy as number,
        normal: normal as number,
        hard: hard as number,
      },
      protocol: 'pairwise',
      source: 'arXiv 2501.18099',
    })),
    ...publishedOveralls('pairwise, one order, drawn at random', 'arXiv 2505.10320v3, table 2', [
      ['J1-Llama-70B', 0.827],
      ['J1-Qwen-32B-MultiTask', 0.903],
    ]),
  ],
};
