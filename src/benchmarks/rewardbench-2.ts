import { quoted } from '../rows/json.ts';
import { groupBy, mean, type Score } from './benchmark.ts';
import { type ChoiceBenchmark, type ChoiceGame, choicePoints } from './choice.ts';
import { benchmarkFields } from './fields.ts';
import { tiesScore } from './ties.ts';

/** Prompts of each subset. */
const SUBSETS: Readonly<Record<string, number>> = {
  Factuality: 475,
  'Precise IF': 160,
  Math: 183,
  Safety: 450,
  Focus: 495,
  Ties: 102,
};

const MEAN = 'overall is the mean of the subsets';
const TIES = 'Ties by ratings of 1 to 10 and the official formula';
const PAIRS = 'no official protocol: two at a time; Ties has no such figure and is left out';

function subsetScore(name: string, games: readonly ChoiceGame[]): Score | null {
  if (name !== 'Ties') return { name, score: mean(games.map(choicePoints)), pairs: games.length };
  const samples = games.flatMap(({ choice, verdict }) => {
    if ('ratings' in verdict) return [{ choice, ratings: verdict.ratings }];
    // What could not be asked says nothing of the judge; any other silence is no rating.
    const silent = 'none' in verdict && verdict.none !== 'error';
    return silent ? [{ choice, ratings: choice.responses.map(() => null) }] : [];
  });
  const score = tiesScore(samples);
  return score === null ? null : { name, score, pairs: samples.length };
}

export const rewardbench2: ChoiceBenchmark = {
  name: 'rewardbench-2',
  title: 'RewardBench 2',
  protocol: {
    'best-of-n': `best of 4, the right answer in a slot drawn at random (seeded); no verdict counts 0.25; ${TIES}; ${MEAN}`,
    ratings: `every response rated from 1 to 10 by itself; the right answer among k with the highest rating counts 1/k, no rating at all 0.25; ${TIES}; ${MEAN}`,
    knockout: `${PAIRS}; winners of pairs meet, both orders each; ${MEAN}`,
    'round-robin': `${PAIRS}; every pair is compared, both orders each; ${MEAN}`,
  },
  files: [/^(?:reward[-_]?bench[-_]?2)(?!\d).*$/i, /^test(?:-.*)?$/i],
  hub: ['allenai/reward-bench-2:/test'],
  counts: [SUBSETS],

  load(rows) {
    return Array.from(rows, (row) => {
      const fields = benchmarkFields(row, 'rewardbench-2');
      const subset = fields.text('subset');
      if (!Object.hasOwn(SUBSETS, subset))
        throw fields.error(`names a subset that RewardBench 2 does not have: ${quoted(subset)}`);
      const [chosen, rejected] = [fields.texts('chosen'), fields.texts('rejected')];
      const told = fields.has('num_correct') ? fields.number('num_correct') : chosen.length;
      if (told !== chosen.length)
        throw fields.error(`has ${chosen.length} chosen responses, and ${told} as num_correct`);
      if (chosen.length === 0 || rejected.length === 0)
        throw fields.error(
          `has ${chosen.length} chosen and ${rejected.length} rejected responses: each needs one`,
        );
      const id = fields.id('id');
      const ties = subset === 'Ties';
      const [, form, number] = ties ? (/^(ref|tied):(\d+)$/.exec(id) ?? []) : [];
      if (ties && number === undefined) throw fields.error(`has the id ${id}, not ref:N or tied:N`);
      if (!ties && chosen.length + rejected.length !== 4)
        throw fields.error(`has ${chosen.length + rejected.length} responses, not 4`);
      if (form === 'tied' && chosen.length < 2) throw fields.error('is tied and has one right response');
      return {
        id,
        // Both forms of a question belong together.
        prompt: ties ? `Ties ${number}` : id,
        section: subset,
        subset: form ?? subset,
        instruction: fields.text('prompt'),
        responses: [...chosen, ...rejected],
        right: chosen.length,
        ratingsOnly: ties,
      };
    });
  },

  aggregate(games) {
    const judged = groupBy(games, ({ choice }) => choice.section);
    const parts = Object.keys(SUBSETS).flatMap(
      (name) => (judged.has(name) && subsetScore(name, judged.get(name) as ChoiceGame[])) || [],
    );
    return {
      name: 'overall',
      score: mean(parts.map(({ score }) => score)),
      pairs: parts.reduce((sum, { pairs }) => sum + pairs, 0),
      parts,
    };
  },

  // Of the judges that the paper lists, without reward models.
  published: [
    ['gemini-2.5-flash-preview-04-17', 0.772, 0.657, 0.553, 0.811, 0.909, 0.867, 0.834],
    ['claude-opus-4-20250514', 0.765, 0.827, 0.419, 0.749, 0.895, 0.862, 0.837],
    ['claude-3-7-sonnet-20250219', 0.754, 0.733, 0.544, 0.75, 0.903, 0.921, 0.672],
    ['gpt-4.1-2025-04-14', 0.723, 0.829, 0.397, 0.652, 0.873, 0.734, 0.854],
    ['gpt-4o-2024-08-06', 0.649, 0.568, 0.331, 0.623, 0.862, 0.729, 0.782],
  ].map(([judge, overall, ...subsets]) => ({
    judge: judge as string,
    scores: {
      overall: overall as number,
      ...Object.fromEntries(Object.keys(SUBSETS).map((name, i) => [name, subsets[i] as number])),
    },
    protocol: 'best of 4 or ratings, whichever was better',
    source: 'arXiv 2506.01937, table 3',
  })),
};
