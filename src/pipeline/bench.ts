import type { BenchmarkPair, Game } from '../benchmarks/benchmark.ts';
import { firstPrompts } from '../benchmarks/rows.ts';
import { scoreBenchmark } from '../benchmarks/score.ts';
import type { Resolved } from '../config.ts';
import { evaluate } from '../judging/evaluate.ts';
import type { Json } from '../key.ts';
import { batches } from '../sampling/batches.ts';
import { conduct } from '../sampling/conduct.ts';
import { ORDERS, type Order, type ResponsePair, type VerdictKind } from '../types.ts';
import { askedAs } from './asked-as.ts';
import { tokensOf } from './judge.ts';
import type { BenchmarkData, BenchStage, Ports, StageWork } from './stage.ts';
import { withModels } from './with-models.ts';

/** What the report says of a judge on a benchmark: its official score with a 95 % interval, and what it hides. */
export interface BenchResult {
  readonly title: string;
  readonly pairs: number;
  readonly score: number;
  readonly interval: readonly [number, number];
  readonly accuracy: number;
  /** Null where the protocol shows each pair once. */
  readonly bothOrders: number | null;
}

/** A judge on a benchmark of pairs, as `evalplanner bench` plays it. */
export async function runBench(
  bench: BenchStage,
  config: Resolved,
  { store, models, prompts, benchmarks }: Ports,
  work: StageWork,
): Promise<Json> {
  const { judge, benchmark: name } = bench;
  const form = askedAs(bench, config, store);
  const { benchmark, pairs: all } = (benchmarks as Record<string, BenchmarkData>)[name] as BenchmarkData;
  const { limit, orders = 'official' } = config.benchmarks[name] ?? {};
  const pairs = firstPrompts(all, limit);
  const ids = uniqueIds(pairs);
  const games: Game[] = [];
  work.units(0, pairs.length, 1);
  await withModels(models, [judge], async (model) => {
    // Beside the judge's verdicts on the held-out pairs, and not among them.
    const stage = `${judge}/${name}`;
    const own = { stage, split: name, form, prompts, model: model.revision, ...tokensOf(form, config) };
    function* task(pair: BenchmarkPair) {
      const played = orders === 'both' ? ORDERS : benchmark.orders(pair, config.seed);
      const rows = yield* evaluate(asPair(pair, ids), {
        ...own,
        orders: played.map((order) => asked(pair, order)),
      });
      const verdicts = rows.map(({ order, verdict }) => [asked(pair, order), verdict] as const);
      return {
        rows,
        game: { pair, verdicts: Object.fromEntries(verdicts) as Partial<Record<Order, VerdictKind>> },
      };
    }
    const made = conduct(pairs, task, {
      judge: model,
      store,
      complete: true,
      signal: work.signal,
      onGenerations: work.onGenerations,
      inputOrder: false,
    });
    for await (const batch of batches(made)) {
      store.putEvaluations(batch.flatMap(({ rows }) => rows));
      games.push(...batch.map(({ game }) => game));
      work.units(games.length, pairs.length, 1);
    }
  });
  // The bootstrap goes by places: in the order of the benchmark, however the answers came.
  const place = new Map(pairs.map((pair, i) => [pair, i]));
  games.sort((a, b) => (place.get(a.pair) ?? 0) - (place.get(b.pair) ?? 0));
  const { title, official, accuracy, bothOrders } = scoreBenchmark(benchmark, games, pairs, config.seed);
  const result: BenchResult = {
    title,
    pairs: games.length,
    score: official.score,
    interval: [...official.interval],
    accuracy,
    bothOrders,
  };
  return result as unknown as Json;
}

/** The pair with its better response as the chosen one. */
function asPair(pair: BenchmarkPair, ids: ReadonlyMap<BenchmarkPair, string>): ResponsePair {
  const { instruction, subset, section, first, second, gold } = pair;
  const [chosen, rejected] = gold === 'first' ? [first, second] : [second, first];
  return {
    id: ids.get(pair) as string,
    domain: section,
    family: subset,
    instruction,
    chosen,
    rejected,
    provenance: {},
  };
}

/** The benchmark's order names the first response, ours the chosen one. */
const asked = ({ gold }: BenchmarkPair, order: Order): Order =>
  gold === 'first' ? order : order === 'ab' ? 'ba' : 'ab';

/** RewardBench has pairs that share an id. */
function uniqueIds(pairs: readonly BenchmarkPair[]): Map<BenchmarkPair, string> {
  const seen = new Map<string, number>();
  return new Map(
    pairs.map((pair) => {
      const n = (seen.get(pair.id) ?? 0) + 1;
      seen.set(pair.id, n);
      return [pair, n === 1 ? pair.id : `${pair.id} #${n}`];
    }),
  );
}
