/** A gate for CI: the answers of a new version must not lose against those that were approved. `npx vitest run examples`; in your
 * project import from 'evalplanner', read the answers from files, and keep the ledger in a cache of the CI. */
import { afterAll, expect, test } from 'vitest';
import { judgeAll, judgeOptions, openEmbedded, openStore, wilson } from '../src/index.ts';

const folder = `${import.meta.dirname}/../seed/model`;
const model = await openEmbedded(folder);
afterAll(() => model.close());

const cases = [
  { instruction: 'Count down from 5 to 0.', approved: '5 4 3 2 1', now: '5 4 3 2 1 0' },
  { instruction: 'Count down from 4 to 1.', approved: '4 3 2', now: '4 3 2 1' },
];

test('the new answers do not lose against the approved ones', async () => {
  using store = openStore(':memory:', { config: {} });
  const pairs = cases.map(({ instruction, now, approved }) => ({
    instruction,
    responses: [now, approved] as const,
  }));
  let [lost, decided] = [0, 0];
  const options = await judgeOptions(folder);
  for await (const { winner } of judgeAll(model, pairs, { ...options, store })) {
    if (winner === 'A' || winner === 'B') decided++;
    if (winner === 'B') lost++;
  }
  // Fails only where so many losses are no accident: the interval of their share lies above one half.
  const [low] = wilson(decided === 0 ? 0 : lost / decided, decided);
  expect(low).toBeLessThan(0.5);
});
