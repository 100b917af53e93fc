import { benchmarkOf, dataPlace, digestOf, loadPairs, readGames, select } from '../../benchmarks/data.ts';
import { play, verdictRows } from '../../benchmarks/play.ts';
import { filesOnDisk } from '../../benchmarks/rows.ts';
import { scoreBenchmark } from '../../benchmarks/score.ts';
import { playAll } from './play.ts';
import type { BenchOptions, Loaded } from './run.ts';

/** A benchmark of pairs. */
export async function loadedPairs(name: string, options: BenchOptions): Promise<Loaded> {
  const benchmark = benchmarkOf(name);
  const all = await loadPairs(benchmark, options.data);
  const pairs = select(all, options);
  return {
    name,
    files: (await filesOnDisk(benchmark, dataPlace(benchmark, options.data))) ?? [],
    async score(run) {
      const { judge } = run;
      const { games, effort } = judge
        ? await playAll(
            run,
            { ...benchmark, items: pairs },
            (meter) =>
              play(judge.model, benchmark, pairs, { ...judge.options, orders: options.orders, meter }),
            ({ pair }) => pair,
          )
        : { games: await readGames(options.verdicts as string, all, pairs), effort: null };
      if (judge?.dry) return null;
      const score = scoreBenchmark(benchmark, games, pairs, options.seed);
      return {
        result: { ...score, digest: digestOf(all), effort, published: benchmark.published },
        rows: games.flatMap(verdictRows),
      };
    },
  };
}
