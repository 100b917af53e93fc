import type { BenchmarkChoice, ChoiceBenchmark } from '../../benchmarks/choice.ts';
import { CHOICE_BENCHMARKS } from '../../benchmarks/choice-names.ts';
import { playChoices } from '../../benchmarks/choice-play.ts';
import { scoreChoices } from '../../benchmarks/choice-score.ts';
import { choiceRow, joinChoices } from '../../benchmarks/choice-verdicts.ts';
import { choicesDigest } from '../../benchmarks/data.ts';
import {
  allRows,
  benchmarkRows,
  filesOnDisk,
  firstPrompts,
  noRows,
  noteOddities,
} from '../../benchmarks/rows.ts';
import { EvalPlannerError } from '../../errors.ts';
import { playAll } from './play.ts';
import type { BenchOptions, Loaded } from './run.ts';

export const choiceBenchmark = (name: string) =>
  CHOICE_BENCHMARKS.find((benchmark) => benchmark.name === name);

/** A benchmark of choices among n responses. */
export async function loadedChoices(benchmark: ChoiceBenchmark, options: BenchOptions): Promise<Loaded> {
  const all = await loadChoices(benchmark, options.data);
  const choices = firstPrompts(all, options.limit);
  const way = options.way ?? 'best-of-n';
  return {
    name: benchmark.name,
    files: (await filesOnDisk(benchmark, options.data)) ?? [],
    ready({ options: { prompts } }) {
      const needed = way === 'best-of-n' ? 'choice' : way === 'ratings' ? 'score' : null;
      if (needed === null || prompts?.[needed] !== undefined) return;
      throw new EvalPlannerError(
        'usage',
        `${benchmark.title}: the prompts of this judge compare two responses only`,
        'compare two at a time, --way round-robin, or take other prompts, --prompts published',
      );
    },
    async score(run) {
      const { judge } = run;
      const judged = judge
        ? {
            way,
            ...(await playAll(
              run,
              { ...benchmark, items: choices, unit: 'choice' },
              (meter) => playChoices(judge.model, choices, { ...judge.options, way, meter }),
              ({ choice }) => choice,
            )),
          }
        : { ...(await readChoices(options.verdicts as string, all)), effort: null };
      if (judge?.dry) return null;
      const wanted = new Set(choices);
      const games = judged.games.filter(({ choice }) => wanted.has(choice));
      if (games.length === 0)
        throw new EvalPlannerError(
          'data',
          `${benchmark.title}: there is no verdict`,
          'give rows {id, verdict} or {id, ratings}, or choices to judge',
        );
      const score = scoreChoices(benchmark, games, choices, judged.way, options.seed);
      if (Number.isNaN(score.official.score))
        throw new EvalPlannerError(
          'data',
          `${benchmark.title}: no score is made of ${games.length === 1 ? 'this verdict' : `these ${games.length} verdicts`} alone`,
          'judge other subsets too, and of Ties both forms of a prompt',
        );
      return {
        result: {
          ...score,
          digest: choicesDigest(all),
          effort: judged.effort,
          published: benchmark.published,
        },
        rows: games.map((game) => choiceRow(game, judged.way)),
      };
    },
  };
}

/** All choices of a benchmark; says on stderr what is strange in them. */
export async function loadChoices(benchmark: ChoiceBenchmark, data?: string): Promise<BenchmarkChoice[]> {
  const choices = benchmark.load(await benchmarkRows(benchmark, data));
  if (choices.length === 0) throw noRows(benchmark, data, 'choices');
  noteOddities(benchmark, choices);
  return choices;
}

/** The verdicts of a file about a benchmark's choices. */
export async function readChoices(file: string, all: readonly BenchmarkChoice[]) {
  return joinChoices(all, await allRows([file]));
}
