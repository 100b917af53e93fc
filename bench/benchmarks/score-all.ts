/** Loads every benchmark that lies in a folder and scores made-up verdicts on all of it, both orders, with every interval and fit.
 * node bench/benchmarks/score-all.ts DIR prints one line of JSON; time and memory are of the whole process. */
import type { Game } from '../../src/benchmarks/benchmark.ts';
import { loadPairs } from '../../src/benchmarks/data.ts';
import { BENCHMARKS } from '../../src/benchmarks/names.ts';
import { scoreBenchmark } from '../../src/benchmarks/score.ts';
import { EvalPlannerError } from '../../src/errors.ts';
import { random } from '../../src/random.ts';

export interface ScoredAll {
  readonly pairs: Readonly<Record<string, number>>;
  readonly loadSeconds: number;
  readonly scoreSeconds: number;
  readonly rssMB: number;
}

const next = random(0);
const pairs: Record<string, number> = {};
let [loadSeconds, scoreSeconds] = [0, 0];
for (const benchmark of BENCHMARKS) {
  // Anything is a file of one's own pairs.
  if (benchmark.name === 'custom' || benchmark.name === 'playground') continue;
  const start = performance.now();
  const loaded = await loadPairs(benchmark, process.argv[2]).catch((error: unknown) => {
    if (error instanceof EvalPlannerError && /holds no files of/.test(error.message)) return null;
    throw error;
  });
  if (loaded === null) continue;
  const middle = performance.now();
  const say = (better: 'A' | 'B') => (next() < 0.7 ? better : better === 'A' ? 'B' : 'A');
  const games = loaded.map((pair): Game => {
    const first = pair.gold === 'first';
    return { pair, verdicts: { ab: say(first ? 'A' : 'B'), ba: say(first ? 'B' : 'A') } };
  });
  scoreBenchmark(benchmark, games, loaded);
  pairs[benchmark.name] = loaded.length;
  loadSeconds += (middle - start) / 1000;
  scoreSeconds += (performance.now() - middle) / 1000;
}
const rssMB = process.resourceUsage().maxRSS / 1024;
const result: ScoredAll = { pairs, loadSeconds, scoreSeconds, rssMB };
process.stdout.write(`${JSON.stringify(result)}\n`);
