import { expect, test } from 'vitest';
import { resolveConfig } from '../../config.ts';
import { stagesOf } from '../../pipeline.ts';
import { openStore } from '../../store/ledger.ts';
import { PRESETS } from '../demo/presets.ts';
import { planText } from './plan.ts';

const CONFIG = resolveConfig({ ...PRESETS.full, benchmarks: { playground: { limit: 5 } } });

test('a line for each part of the method', () => {
  using store = openStore(':memory:', { config: {} });
  expect(
    planText(stagesOf(CONFIG), store),
  ).toBe(`pairs       d1: 600 general + 400 math · d2: 1000 general + 600 math · validation: 300 general + 200 math · test: 400 general + 400 math
round 1     thoughts of M0 on d1 → M1-SFT → M1-DPO
round 2     thoughts of M1-DPO on d2 → M2-DPO
controls    direct, unplanned
playground  played by M0, M2-DPO
in all      23 stages
`);
});

test('what is done, and what has to be done again since something was added', () => {
  using store = openStore(':memory:', { config: {} });
  const stages = stagesOf(CONFIG);
  store.planStages(stages);
  for (const { name } of stages) store.finishStage(name);
  expect(planText(stages, store)).toMatch(/\nin all {6}23 stages, 23 of them done\n$/);
  const more = stagesOf({ ...CONFIG, thoughts: { ...CONFIG.thoughts, plans: 9 } });
  const [again] = planText(more, store).split('\n').slice(-2);
  expect(again).toMatch(/^again {7}thoughts 1, train M1-SFT, judge M1-SFT, .*: they build on what was added/);
  expect(again).not.toContain('pairs d1');
  expect(again).not.toContain('judge M0');
});
