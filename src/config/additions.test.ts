import { expect, test } from 'vitest';
import { differences, type Json } from '../key.ts';
import { addsOnly } from './additions.ts';

const round = (own: number, epochs = 1) => ({ pairs: { own }, train: [{ kind: 'sft', epochs }] });
const BEFORE = {
  seed: 0,
  sources: { own: 'r1' },
  config: {
    thoughts: { plans: 5, executions: 4, temperature: 0.8 },
    rounds: [round(10), round(20)],
    benchmarks: { llmbar: { limit: 5 } },
    sources: { own: { kind: 'pairs' } },
    controls: { unplanned: false },
  },
};

const refused = (after: object) =>
  differences(BEFORE, after as Json)
    .filter((change) => !addsOnly(change))
    .map(({ path }) => path);
const changed = (config: object, facts: object = {}) => ({
  ...BEFORE,
  ...facts,
  config: { ...BEFORE.config, ...config },
});

test.each([
  ['more plans and executions', changed({ thoughts: { plans: 8, executions: 8, temperature: 0.8 } })],
  ['more instructions in a round', changed({ rounds: [round(10), round(25)] })],
  ['a further round', changed({ rounds: [round(10), round(20), round(5)] })],
  [
    'another source of a round',
    changed(
      {
        sources: { own: { kind: 'pairs' }, new: { kind: 'math' } },
        rounds: [{ ...round(10), pairs: { own: 10, new: 3 } }, round(20)],
      },
      { sources: { own: 'r1', new: 'r2' } },
    ),
  ],
  ['other benchmarks', changed({ benchmarks: { judgebench: {} } })],
  ['controls', changed({ controls: { unplanned: true, direct: { epochs: 1 } } })],
])('%s: added', (_, after) => {
  expect(refused(after)).toEqual([]);
});

test.each<[object, string[]]>([
  [changed({ thoughts: { plans: 4, executions: 4, temperature: 0.8 } }), ['config.thoughts.plans']],
  [changed({ thoughts: { plans: 5, executions: 4, temperature: 1 } }), ['config.thoughts.temperature']],
  [changed({ rounds: [round(9), round(20)] }), ['config.rounds.0.pairs.own']],
  [changed({ rounds: [round(10)] }), ['config.rounds.1']],
  [changed({ rounds: [round(10), round(20, 2)] }), ['config.rounds.1.train.0.epochs']],
  [changed({}, { sources: { own: 'r2' } }), ['sources.own']],
  [changed({}, { seed: 1 }), ['seed']],
])('%#: another run, named', (after, paths) => {
  expect(refused(after)).toEqual(paths);
});
