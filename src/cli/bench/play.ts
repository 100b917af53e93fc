import { type Effort, Meter } from '../../benchmarks/effort.ts';
import { ProgressLine } from '../progress-line.ts';
import { type BenchRun, Stopwatch } from './run.ts';

/** What is played, and how its progress is told. */
export interface Played<Item> {
  readonly name: string;
  readonly title: string;
  readonly items: readonly Item[];
  /** What an item is called. */
  readonly unit?: 'choice';
}

/** The games of a model in the order of the items, whatever the order of its answers, with a line of progress and what they
 * took. */
export async function playAll<Item, Game>(
  run: BenchRun,
  { name, title, items, unit }: Played<Item>,
  play: (meter: Meter) => AsyncIterable<Game>,
  itemOf: (game: Game) => Item,
): Promise<{ readonly games: Game[]; readonly effort: Effort }> {
  const byItem = new Map<Item, Game>();
  const meter = new Meter();
  const line = new ProgressLine(title, items.length, unit);
  const watch = new Stopwatch(run, name, meter);
  try {
    for await (const game of play(meter)) {
      byItem.set(itemOf(game), game);
      line.show(byItem.size);
      watch.tick();
    }
  } finally {
    line.end(byItem.size);
    watch.note();
  }
  return { games: items.flatMap((item) => byItem.get(item) ?? []), effort: meter.effort(watch.seconds) };
}
