import fc from 'fast-check';
import { expect, it } from 'vitest';
import { scripted } from '../model/scripted.ts';
import type { VerdictKind } from '../types.ts';
import type { BenchmarkPair, Game } from './benchmark.ts';
import { judgebench } from './judgebench.ts';
import { play, verdictRows } from './play.ts';
import { rewardbench } from './rewardbench.ts';
import { joinVerdicts } from './verdicts.ts';

const pairs = Array.from(
  { length: 8 },
  (_, i): BenchmarkPair => ({
    id: String(i),
    prompt: String(i),
    section: 'Chat',
    subset: 'mt-bench-easy',
    instruction: `question ${i}`,
    first: `the answer one of ${i}`,
    second: `the answer two of ${i}`,
    gold: 'first',
  }),
);

async function all(games: AsyncIterable<Game>): Promise<Game[]> {
  const out: Game[] = [];
  for await (const game of games) out.push(game);
  return out.sort((a, b) => Number(a.pair.id) - Number(b.pair.id));
}

/** A judge that names the slot in which "one" is shown. */
const honest = () =>
  scripted(({ text: prompt }) =>
    prompt.indexOf('answer one') < prompt.indexOf('answer two') ? '[[A]]' : '[[B]]',
  );

it('plays the orders of the protocol, and names slots as shown', async () => {
  const both = await all(play(honest(), judgebench, pairs, { form: 'direct' }));
  expect(both.map(({ verdicts }) => verdicts)).toEqual(pairs.map(() => ({ ab: 'A', ba: 'B' })));
  const drawn = await all(play(honest(), rewardbench, pairs, { form: 'direct', seed: 3 }));
  for (const { pair, verdicts } of drawn)
    expect(Object.keys(verdicts)).toEqual([...rewardbench.orders(pair, 3)]);
  const forced = await all(play(honest(), rewardbench, pairs, { form: 'direct', orders: 'both' }));
  expect(forced.map(({ verdicts }) => verdicts)).toEqual(pairs.map(() => ({ ab: 'A', ba: 'B' })));
});

it('writes verdicts that join to the same games', () => {
  const verdict = fc.constantFrom<VerdictKind>('A', 'B', 'tie', 'invalid', 'truncated', 'refused', 'error');
  const said = fc.array(fc.record({ ab: verdict, ba: verdict }), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(said, (verdicts) => {
      const games = pairs.map((pair, i) => ({ pair, verdicts: verdicts[i] as Game['verdicts'] }));
      const rows = games.flatMap(verdictRows).map((value, i) => ({ value, file: 'f', at: `row ${i}` }));
      expect(joinVerdicts(pairs, rows).games).toEqual(games);
    }),
  );
});
