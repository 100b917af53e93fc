import { expect, test } from 'vitest';
import { PRESETS } from '../cli/demo/presets.ts';
import { resolveConfig } from '../config.ts';
import { openSources } from '../open/run.ts';
import { sourceContract } from '../source.contract.ts';
import type { Source } from '../source.ts';
import { playground } from './source.ts';
import { splitOf } from './split.ts';

const seeds = new Map<number, Record<string, Source>>();
for (const seed of [3, 4]) seeds.set(seed, await openSources(resolveConfig({ ...PRESETS.tiny, seed })));
const open = (name: 'general' | 'math', seed = 3) => seeds.get(seed)?.[name] as Source;

for (const kind of ['general', 'math'] as const)
  sourceContract(`the playground (${kind})`, {
    make: () => open(kind),
    splits: ['train', 'validation', 'dev', 'test'],
    others: [open(kind, 4), open(kind === 'math' ? 'general' : 'math')],
  });

test('each split is the one that the text belongs to', async () => {
  const none = { revision: 'none', pairs: () => [] };
  const source = playground({ kind: 'general', seed: 1, heldOut: none });
  for (const split of ['train', 'validation'] as const) {
    let count = 0;
    for await (const { text } of source.instructions(split) ?? []) {
      expect(splitOf(text)).toBe(split);
      if (++count === 50) break;
    }
  }
});
