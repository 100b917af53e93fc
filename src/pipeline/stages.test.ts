import { describe, expect, test } from 'vitest';
import { PRESETS } from '../cli/demo/presets.ts';
import { type RunConfig, resolveConfig } from '../config.ts';
import { stagesOf } from '../pipeline.ts';
import { rowsFile } from './folder.ts';
import type { Stage } from './stage.ts';

const SFT = { kind: 'sft', learningRate: 1e-5, warmupSteps: 0, epochs: 1, batchSize: 8 } as const;
const DPO = { ...SFT, kind: 'dpo' } as const;

function stages(
  rounds: RunConfig['rounds'][number]['train'][],
  controls: RunConfig['controls'] = {},
): Stage[] {
  return stagesOf(
    resolveConfig({
      models: { judge: 'some/folder' },
      sources: { general: { kind: 'general', from: 'playground' } },
      rounds: rounds.map((train) => ({ pairs: { general: 10 }, train })),
      validation: { pairs: { general: 2 } },
      test: { pairs: { general: 2 } },
      controls,
    }),
  );
}
const names = (of: readonly Stage[]) => of.map(({ name }) => name);

/** What holds of the stages of any config. */
function sound(of: readonly Stage[]): void {
  expect(new Set(names(of)).size).toBe(of.length);
  const [judges, sets, rounds] = [new Set(['M0']), new Set<string>(), new Set<number>()];
  const rows: string[] = [];
  for (const stage of of) {
    if (stage.kind === 'pairs') sets.add(stage.set);
    if (stage.kind === 'thoughts') {
      expect(judges).toContain(stage.by);
      expect(sets).toContain(stage.set);
      expect(rounds).not.toContain(stage.round);
      rounds.add(stage.round);
    }
    if (stage.kind === 'train') {
      expect(judges).toContain(stage.from);
      expect(judges).not.toContain(stage.judge);
      for (const set of [...stage.sets, 'validation']) expect(sets).toContain(set);
      if (stage.round !== null) expect(rounds).toContain(stage.round);
      judges.add(stage.judge);
      rows.push(rowsFile('', stage.rows).toLowerCase());
    }
    if (stage.kind === 'judge') {
      expect(judges).toContain(stage.judge);
      expect(sets).toContain(stage.set);
    }
    expect(stage.title).not.toBe('');
  }
  expect(new Set(rows).size).toBe(rows.length);
  const judged = of.flatMap((stage) => (stage.kind === 'judge' ? [stage.judge] : []));
  const trained = of.flatMap((stage) => (stage.kind === 'train' ? [stage] : []));
  // Of the control without plans the last one only.
  const wanted = trained.filter(({ control, judge }) => !control || ['direct', 'unplanned'].includes(judge));
  expect(judged.sort()).toEqual(['M0', ...wanted.map(({ judge }) => judge)].sort());
}

test('one round', () => {
  const found = stages([[SFT]]);
  sound(found);
  expect(names(found)).toEqual([
    'pairs d1',
    'pairs validation',
    'pairs test',
    'judge M0',
    'thoughts 1',
    'train M1-SFT',
    'judge M1-SFT',
  ]);
});

test('nine rounds, each from the judge of the one before', () => {
  const found = stages(
    Array.from({ length: 9 }, (_, i) => (i === 0 ? [SFT, DPO] : [DPO])),
    { direct: { learningRate: 1e-5, warmupSteps: 0, epochs: 1, batchSize: 8 }, unplanned: true },
  );
  sound(found);
  const chain = found.flatMap((stage) =>
    stage.kind === 'train' && !stage.control ? [`${stage.from} > ${stage.judge}`] : [],
  );
  expect(chain).toEqual([
    'M0 > M1-SFT',
    'M1-SFT > M1-DPO',
    ...Array.from({ length: 8 }, (_, i) => `M${i + 1}-DPO > M${i + 2}-DPO`),
  ]);
});

describe('two trainings of one kind', () => {
  const round = [{ ...SFT, name: 'first' }, SFT, { ...DPO, name: 'mild' }, DPO];

  test('by their names, one after the other, with rows of their own', () => {
    const found = stages([round]);
    sound(found);
    const told = found.flatMap((stage) => (stage.kind === 'train' ? [[stage.judge, stage.rows]] : []));
    expect(told).toEqual([
      ['first', 'sft-1'],
      ['M1-SFT', 'M1-SFT'],
      ['mild', 'dpo-1'],
      ['M1-DPO', 'M1-DPO'],
    ]);
  });

  test('and the same without plans', () => {
    const again = [{ ...SFT, name: 'second' }, SFT, DPO];
    const found = stages([round, again], { unplanned: true });
    sound(found);
    expect(found.flatMap((stage) => (stage.kind === 'train' && stage.control ? [stage.judge] : []))).toEqual([
      'unplanned-SFT',
      'unplanned-SFT.2',
      'unplanned-DPO-1',
      'unplanned-DPO-1.2',
      'unplanned-SFT-2',
      'unplanned-SFT-2.2',
      'unplanned',
    ]);
  });
});

test('both controls of the presets', () => {
  for (const preset of Object.values(PRESETS)) sound(stagesOf(resolveConfig(preset)));
  const found = stagesOf(resolveConfig(PRESETS.full));
  expect(found.filter((stage) => 'control' in stage && stage.control).map(({ name }) => name)).toEqual([
    'train direct',
    'judge direct',
    'train unplanned-SFT',
    'train unplanned-DPO-1',
    'train unplanned',
    'judge unplanned',
  ]);
});
